(** Contingency tables of a token: a correct and b wrong responses contain it, c correct and d wrong ones do not. *)

From Coq Require Import Reals Lra.
Open Scope R_scope.

(** x log x, which is 0 at 0, and the entropies of two and of four shares, in bits. *)
Definition x_log_x (x : R) : R := x * ln x.
Definition entropy_2 (u v : R) : R := - (x_log_x u + x_log_x v) / ln 2.
Definition entropy_4 (u v w x : R) : R := - (x_log_x u + x_log_x v + x_log_x w + x_log_x x) / ln 2.

(** The information gain: the entropies of the rewards and of the token's presence less that of both. *)
Definition information_gain (a b c d : R) : R :=
  let n := a + b + c + d in
  entropy_2 ((a + c) / n) ((b + d) / n) + entropy_2 ((a + b) / n) ((c + d) / n)
  - entropy_4 (a / n) (b / n) (c / n) (d / n).

Lemma ln_below : forall x, 0 < x -> ln x <= x - 1 /\ (ln x = x - 1 -> x = 1).
Proof.
  intros x Hx. destruct (Req_dec x 1) as [-> | N]; [rewrite ln_1; split; lra|].
  assert (L : ln x <> 0) by (intros E; apply N; rewrite <- (exp_ln x Hx), E; apply exp_0).
  pose proof (exp_ineq1 (ln x) L) as I. rewrite exp_ln in I by exact Hx. split; [lra | intros E; lra].
Qed.

Lemma ln_quotient : forall p q, 0 < p -> 0 < q -> ln (q / p) = ln q - ln p.
Proof. intros p q Hp Hq. unfold Rdiv. rewrite ln_mult, ln_Rinv; [ring | | |]; auto using Rinv_0_lt_compat. Qed.

(** Gibbs' inequality for one share p and another law's share q. *)
Lemma gibbs : forall p q, 0 <= p -> 0 <= q -> (q = 0 -> p = 0) ->
  p - q <= x_log_x p - p * ln q /\ (x_log_x p - p * ln q = p - q -> p = q).
Proof.
  intros p q Hp Hq Hz. unfold x_log_x. destruct Hp as [Hp | <-]; [|split; lra].
  assert (Hq' : 0 < q) by (destruct Hq as [Hq | E]; [exact Hq | specialize (Hz (eq_sym E)); lra]).
  destruct (ln_below (q / p)) as [L E]; [now apply Rdiv_lt_0_compat|]. rewrite ln_quotient in L, E by assumption.
  assert (M : p * (ln q - ln p) <= p * (q / p - 1)) by (apply Rmult_le_compat_l; lra).
  replace (p * (q / p - 1)) with (q - p) in M by (field; lra). split; [lra|]. intros Eq.
  assert (D : ln q - ln p = q / p - 1).
  { apply (Rmult_eq_reg_l p); [|lra]. replace (p * (q / p - 1)) with (q - p) by (field; lra). lra. }
  apply E in D. apply (Rmult_eq_compat_r p) in D. unfold Rdiv in D. rewrite Rmult_assoc, Rinv_l in D; lra.
Qed.

Lemma ln_product_share : forall p r c, 0 <= p -> (r = 0 -> p = 0) -> (c = 0 -> p = 0) -> 0 <= r -> 0 <= c ->
  p * ln (r * c) = p * ln r + p * ln c.
Proof.
  intros p r c Hp Hr Hc Pr Pc. destruct Hp as [Hp | <-]; [|ring]. rewrite ln_mult; [ring | |].
  - destruct Pr as [Pr | E]; [exact Pr | specialize (Hr (eq_sym E)); lra].
  - destruct Pc as [Pc | E]; [exact Pc | specialize (Hc (eq_sym E)); lra].
Qed.

Lemma share_of_larger : forall p r, 0 <= p <= r -> x_log_x p <= p * ln r.
Proof.
  intros p r [[Hp | <-] Hr]; unfold x_log_x; [|lra]. apply Rmult_le_compat_l; [lra|].
  destruct Hr as [Hr | <-]; [left; now apply ln_increasing | lra].
Qed.

(** The information gain is between 0 and the entropy of the rewards, which is at most one bit; and it is 0 exactly where
    a d = b c, where the token is as frequent among correct as among wrong responses. *)
Theorem ktae_information_gain : forall a b c d, 0 <= a -> 0 <= b -> 0 <= c -> 0 <= d -> 0 < a + b + c + d ->
  let n := a + b + c + d in
  0 <= information_gain a b c d <= entropy_2 ((a + c) / n) ((b + d) / n)
  /\ entropy_2 ((a + c) / n) ((b + d) / n) <= 1
  /\ (information_gain a b c d = 0 <-> a * d = b * c).
Proof.
  intros a b c d Ha Hb Hc Hd Hn n. fold n in Hn. unfold information_gain. fold n.
  assert (L2 : 0 < ln 2) by (rewrite <- ln_1; apply ln_increasing; lra).
  assert (Q : forall x, 0 <= x -> 0 <= x / n)
    by (intros x Hx; apply Rmult_le_pos; [exact Hx | left; now apply Rinv_0_lt_compat]).
  set (p1 := a / n). set (p2 := b / n). set (p3 := c / n). set (p4 := d / n).
  assert (P1 : 0 <= p1) by (now apply Q). assert (P2 : 0 <= p2) by (now apply Q).
  assert (P3 : 0 <= p3) by (now apply Q). assert (P4 : 0 <= p4) by (now apply Q).
  assert (One : p1 + p2 + p3 + p4 = 1) by (unfold p1, p2, p3, p4, n in *; field; lra).
  replace ((a + c) / n) with (p1 + p3) by (unfold p1, p3; field; lra).
  replace ((b + d) / n) with (p2 + p4) by (unfold p2, p4; field; lra).
  replace ((a + b) / n) with (p1 + p2) by (unfold p1, p2; field; lra).
  replace ((c + d) / n) with (p3 + p4) by (unfold p3, p4; field; lra).
  assert (Zero : a * d = b * c <-> p1 * p4 = p2 * p3).
  { unfold p1, p2, p3, p4. split; intros E.
    - replace (a / n * (d / n)) with (a * d / (n * n)) by (field; lra). rewrite E. field. lra.
    - apply (Rmult_eq_compat_r (n * n)) in E. replace (a / n * (d / n) * (n * n)) with (a * d) in E by (field; lra).
      rewrite E. field. lra. }
  rewrite Zero. clearbody p1 p2 p3 p4. clear a b c d Ha Hb Hc Hd n Hn Q Zero.
  assert (NZ : forall r c p, 0 <= r -> 0 <= c -> 0 <= p -> p <= r -> p <= c -> r * c = 0 -> p = 0).
  { intros r c p Hr Hc Hp Lr Lc E. apply Rmult_integral in E as [E | E]; lra. }
  destruct (gibbs p1 ((p1 + p2) * (p1 + p3))) as [G1 E1]; [lra | apply Rmult_le_pos; lra | apply NZ; lra |].
  destruct (gibbs p2 ((p1 + p2) * (p2 + p4))) as [G2 E2]; [lra | apply Rmult_le_pos; lra | apply NZ; lra |].
  destruct (gibbs p3 ((p3 + p4) * (p1 + p3))) as [G3 E3]; [lra | apply Rmult_le_pos; lra | apply NZ; lra |].
  destruct (gibbs p4 ((p3 + p4) * (p2 + p4))) as [G4 E4]; [lra | apply Rmult_le_pos; lra | apply NZ; lra |].
  rewrite (ln_product_share p1) in G1, E1 by lra. rewrite (ln_product_share p2) in G2, E2 by lra.
  rewrite (ln_product_share p3) in G3, E3 by lra. rewrite (ln_product_share p4) in G4, E4 by lra.
  assert (All : (p1 + p2) * (p1 + p3) + (p1 + p2) * (p2 + p4) + (p3 + p4) * (p1 + p3) + (p3 + p4) * (p2 + p4) = 1).
  { replace 1 with ((p1 + p2 + p3 + p4) * (p1 + p2 + p3 + p4)) by (rewrite One; ring). ring. }
  set (gain := entropy_2 (p1 + p3) (p2 + p4) + entropy_2 (p1 + p2) (p3 + p4) - entropy_4 p1 p2 p3 p4).
  assert (Sum : gain * ln 2 = (x_log_x p1 - (p1 * ln (p1 + p2) + p1 * ln (p1 + p3)))
    + (x_log_x p2 - (p2 * ln (p1 + p2) + p2 * ln (p2 + p4)))
    + (x_log_x p3 - (p3 * ln (p3 + p4) + p3 * ln (p1 + p3)))
    + (x_log_x p4 - (p4 * ln (p3 + p4) + p4 * ln (p2 + p4)))).
  { unfold gain, entropy_2, entropy_4. unfold x_log_x at 1 2 3 4. field. lra. }
  split; [split | split].
  - apply (Rmult_le_reg_r (ln 2)); [exact L2|]. rewrite Rmult_0_l, Sum. lra.
  - pose proof (share_of_larger p1 (p1 + p2)). pose proof (share_of_larger p2 (p1 + p2)).
    pose proof (share_of_larger p3 (p3 + p4)). pose proof (share_of_larger p4 (p3 + p4)).
    unfold gain. enough (entropy_2 (p1 + p2) (p3 + p4) - entropy_4 p1 p2 p3 p4 <= 0) by lra.
    apply (Rmult_le_reg_r (ln 2)); [exact L2|]. unfold entropy_2, entropy_4, x_log_x at 1 2.
    replace ((- ((p1 + p2) * ln (p1 + p2) + (p3 + p4) * ln (p3 + p4)) / ln 2
      - - (x_log_x p1 + x_log_x p2 + x_log_x p3 + x_log_x p4) / ln 2) * ln 2)
      with (x_log_x p1 + x_log_x p2 + x_log_x p3 + x_log_x p4
            - (p1 * ln (p1 + p2) + p2 * ln (p1 + p2) + p3 * ln (p3 + p4) + p4 * ln (p3 + p4))) by (field; lra).
    lra.
  - destruct (gibbs (p1 + p3) (1 / 2)) as [H1 _]; [lra | lra | lra |].
    destruct (gibbs (p2 + p4) (1 / 2)) as [H2 _]; [lra | lra | lra |].
    assert (Half : ln (1 / 2) = - ln 2) by (unfold Rdiv; rewrite Rmult_1_l; apply ln_Rinv; lra).
    rewrite Half in H1, H2. apply (Rmult_le_reg_r (ln 2)); [exact L2|]. unfold entropy_2.
    replace (- (x_log_x (p1 + p3) + x_log_x (p2 + p4)) / ln 2 * ln 2) with (- (x_log_x (p1 + p3) + x_log_x (p2 + p4)))
      by (field; lra).
    assert ((p1 + p3) * ln 2 + (p2 + p4) * ln 2 = ln 2)
      by (rewrite <- Rmult_plus_distr_r; replace (p1 + p3 + (p2 + p4)) with 1 by lra; ring).
    lra.
  - split; intros E.
    + assert (S : gain * ln 2 = 0) by (rewrite E; ring). rewrite Sum in S.
      assert (F1 : p1 = (p1 + p2) * (p1 + p3)) by (apply E1; lra).
      assert (X : p1 * (p1 + p2 + p3 + p4) = (p1 + p2) * (p1 + p3)) by (rewrite One; lra). lra.
    + assert (F1 : p1 = (p1 + p2) * (p1 + p3)).
      { replace p1 with (p1 * (p1 + p2 + p3 + p4)) at 1 by (rewrite One; ring). lra. }
      assert (F2 : p2 = (p1 + p2) * (p2 + p4)).
      { replace p2 with (p2 * (p1 + p2 + p3 + p4)) at 1 by (rewrite One; ring). lra. }
      assert (F3 : p3 = (p3 + p4) * (p1 + p3)).
      { replace p3 with (p3 * (p1 + p2 + p3 + p4)) at 1 by (rewrite One; ring). lra. }
      assert (F4 : p4 = (p3 + p4) * (p2 + p4)).
      { replace p4 with (p4 * (p1 + p2 + p3 + p4)) at 1 by (rewrite One; ring). lra. }
      assert (T : forall p r c, 0 <= p -> (r = 0 -> p = 0) -> (c = 0 -> p = 0) -> 0 <= r -> 0 <= c -> p = r * c ->
                x_log_x p - (p * ln r + p * ln c) = 0).
      { intros p r c Hp Hr Hc Pr Pc Ep. rewrite <- (ln_product_share p r c) by assumption. rewrite <- Ep.
        unfold x_log_x. ring. }
      apply (Rmult_eq_reg_r (ln 2)); [|lra]. rewrite Rmult_0_l, Sum.
      rewrite (T p1), (T p2), (T p3), (T p4) by lra. ring.
Qed.
