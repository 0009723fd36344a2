(** The group mean on mixed groups: HA-DW's Theorem 1 and Lemma 2, for every group size G.

    Responses are booleans, each true (correct) with probability p, independently. S is the event that a group is mixed:
    neither all right nor all wrong. Expectations given S are sums over all groups in S, divided by the chance of S. *)

From Coq Require Import Reals List Lra Lia Bool.
From Coquelicot Require Import Coquelicot.
From QAE Require Import finite_sums.
Import ListNotations.
Open Scope R_scope.

(** The reward of a response, and the success rate of a group. *)
Definition reward (b : bool) : R := if b then 1 else 0.
Definition successes (g : list bool) : R := sum g reward.
Definition rate (g : list bool) : R := successes g / size g.

(** Indicators of groups that are all right, all wrong, mixed. *)
Definition indicator (b : bool) : R := if b then 1 else 0.
Definition all_right (g : list bool) : R := indicator (forallb (fun b => b) g).
Definition all_wrong (g : list bool) : R := indicator (forallb negb g).
Definition mixed (g : list bool) : R := indicator (existsb (fun b => b) g && existsb negb g).

(** The expectation over groups of G responses. *)
Fixpoint expect (p : R) (G : nat) (f : list bool -> R) : R :=
  match G with
  | O => f []
  | S n => p * expect p n (fun g => f (true :: g)) + (1 - p) * expect p n (fun g => f (false :: g))
  end.

(** The expectation given an event, which is an indicator. *)
Definition expect_given (p : R) (G : nat) (event f : list bool -> R) : R :=
  expect p G (fun g => f g * event g) / expect p G event.

Lemma expect_ext : forall p G f h, (forall g, length g = G -> f g = h g) -> expect p G f = expect p G h.
Proof.
  induction G as [|n IH]; intros f h H; simpl; [now apply H|].
  rewrite (IH (fun g => f (true :: g)) (fun g => h (true :: g))),
    (IH (fun g => f (false :: g)) (fun g => h (false :: g))); [reflexivity | |];
    intros g Hg; apply H; simpl; now rewrite Hg.
Qed.

Lemma expect_plus : forall p G f h, expect p G (fun g => f g + h g) = expect p G f + expect p G h.
Proof. induction G as [|n IH]; intros; simpl; [reflexivity|]. rewrite !IH. ring. Qed.

Lemma expect_scale : forall p G c f, expect p G (fun g => c * f g) = c * expect p G f.
Proof. induction G as [|n IH]; intros; simpl; [reflexivity|]. rewrite !IH. ring. Qed.

Lemma expect_minus : forall p G f h, expect p G (fun g => f g - h g) = expect p G f - expect p G h.
Proof.
  intros. rewrite (expect_ext _ _ _ (fun g => f g + (-1) * h g)) by (intros; ring).
  rewrite expect_plus, expect_scale. ring.
Qed.

Lemma expect_const : forall p G c, expect p G (fun _ => c) = c.
Proof. induction G as [|n IH]; intros; simpl; [reflexivity|]. rewrite !IH. ring. Qed.

Lemma expect_successes : forall p G, expect p G successes = INR G * p.
Proof.
  intros p. induction G as [|n IH]; [simpl; unfold successes; simpl; ring|].
  rewrite S_INR. cbn [expect]. unfold successes. cbn [sum]. fold successes.
  change (fun g => reward true + sum g reward) with (fun g : list bool => 1 + successes g).
  change (fun g => reward false + sum g reward) with (fun g : list bool => 0 + successes g).
  rewrite !expect_plus, !expect_const, IH. ring.
Qed.

(** A function of the group times the indicator that all are right counts the one group where they are. *)
Lemma expect_all_right : forall p G f, expect p G (fun g => f g * all_right g) = f (repeat true G) * p ^ G.
Proof.
  intros p. induction G as [|n IH]; intros f; [simpl; unfold all_right; simpl; ring|].
  cbn [expect repeat pow].
  rewrite (expect_ext p n (fun g => f (false :: g) * all_right (false :: g)) (fun _ => 0))
    by (intros; unfold all_right; simpl; ring).
  rewrite expect_const.
  change (fun g => f (true :: g) * all_right (true :: g)) with (fun g => (fun g => f (true :: g)) g * all_right g).
  rewrite IH. ring.
Qed.

Lemma expect_all_wrong : forall p G f, expect p G (fun g => f g * all_wrong g) = f (repeat false G) * (1 - p) ^ G.
Proof.
  intros p. induction G as [|n IH]; intros f; [simpl; unfold all_wrong; simpl; ring|].
  cbn [expect repeat pow].
  rewrite (expect_ext p n (fun g => f (true :: g) * all_wrong (true :: g)) (fun _ => 0))
    by (intros; unfold all_wrong; simpl; ring).
  rewrite expect_const.
  change (fun g => f (false :: g) * all_wrong (false :: g)) with (fun g => (fun g => f (false :: g)) g * all_wrong g).
  rewrite IH. ring.
Qed.

Lemma exists_right : forall g, existsb (fun b => b) g = negb (forallb negb g).
Proof. induction g as [|[] g IH]; simpl; auto. Qed.

Lemma exists_wrong : forall g, existsb negb g = negb (forallb (fun b => b) g).
Proof. induction g as [|[] g IH]; simpl; auto. Qed.

Lemma mixed_is : forall g, g <> [] -> mixed g = 1 - all_right g - all_wrong g.
Proof.
  intros [|b g] Hg; [easy|]. unfold mixed, all_right, all_wrong. rewrite exists_right, exists_wrong.
  destruct b; simpl; [destruct (forallb (fun b => b) g) | destruct (forallb negb g)]; simpl; ring.
Qed.

Lemma successes_all_right : forall n, successes (repeat true n) = INR n.
Proof. induction n as [|n IH]; [reflexivity|]. rewrite S_INR, <- IH. unfold successes. simpl. ring. Qed.

Lemma successes_all_wrong : forall n, successes (repeat false n) = 0.
Proof. induction n as [|n IH]; [reflexivity|]. unfold successes in *. simpl. lra. Qed.

(** What the expectation of f over mixed groups leaves out. *)
Lemma expect_mixed : forall p G f, (1 <= G)%nat ->
  expect p G (fun g => f g * mixed g) = expect p G f - f (repeat true G) * p ^ G - f (repeat false G) * (1 - p) ^ G.
Proof.
  intros p G f HG. rewrite (expect_ext p G _ (fun g => f g - f g * all_right g - f g * all_wrong g)).
  - rewrite !expect_minus, expect_all_right, expect_all_wrong. reflexivity.
  - intros g Hg. rewrite mixed_is; [ring|]. intros ->. simpl in Hg. lia.
Qed.

(** The chance of a mixed group. *)
Definition chance_mixed (p : R) (G : nat) : R := 1 - (1 - p) ^ G - p ^ G.

Lemma expect_mixed_chance : forall p G, (1 <= G)%nat -> expect p G mixed = chance_mixed p G.
Proof.
  intros p G HG. rewrite (expect_ext p G _ (fun g => 1 * mixed g)) by (intros; ring).
  rewrite (expect_mixed p G (fun _ => 1)) by exact HG. rewrite expect_const. unfold chance_mixed. ring.
Qed.

Lemma pow_below_1 : forall x n, 0 < x < 1 -> x ^ S n < 1.
Proof.
  intros x n Hx. induction n as [|n IH]; [simpl; lra|]. change (x * x ^ S n < 1).
  assert (0 < x ^ S n) by (apply pow_lt; lra). nra.
Qed.

Lemma pow_increasing : forall x y n, 0 < x -> x < y -> x ^ S n < y ^ S n.
Proof.
  intros x y n Hx Hy. induction n as [|n IH]; [simpl; lra|]. change (x * x ^ S n < y * y ^ S n).
  assert (0 < x ^ S n) by (apply pow_lt; lra). apply Rmult_le_0_lt_compat; lra.
Qed.

Lemma chance_mixed_pos : forall p n, 0 < p < 1 -> 0 < chance_mixed p (S (S n)).
Proof.
  intros p n Hp. unfold chance_mixed. pose proof (pow_below_1 p n Hp). pose proof (pow_below_1 (1 - p) n ltac:(lra)).
  change (0 < 1 - (1 - p) * (1 - p) ^ S n - p * p ^ S n). nra.
Qed.

(** The expected group mean of mixed groups. *)
Lemma expected_rate : forall p n, 0 < p < 1 -> let G := S (S n) in
  expect_given p G mixed rate = p * (1 - p ^ S n) / chance_mixed p G.
Proof.
  intros p n Hp G. assert (0 < INR G) by (apply lt_0_INR; unfold G; lia). pose proof (chance_mixed_pos p n Hp) as HA.
  fold G in HA. unfold expect_given. rewrite expect_mixed_chance by (unfold G; lia).
  rewrite (expect_ext p G _ (fun g => / INR G * (successes g * mixed g))).
  - rewrite expect_scale, expect_mixed, expect_successes, successes_all_right, successes_all_wrong by (unfold G; lia).
    replace (p ^ G) with (p * p ^ S n) by reflexivity. field. lra.
  - intros g Hg. unfold rate, size. rewrite Hg. field. lra.
Qed.

(** The bias as a product: its sign is that of 1/2 - p. *)
Lemma bias_product : forall p n, 0 < p < 1 -> let G := S (S n) in
  expect_given p G mixed rate - p = p * (1 - p) * ((1 - p) ^ S n - p ^ S n) / chance_mixed p G.
Proof.
  intros p n Hp G. pose proof (chance_mixed_pos p n Hp) as HA. unfold G. rewrite expected_rate by exact Hp.
  unfold chance_mixed in *. change ((1 - p) ^ S (S n)) with ((1 - p) * (1 - p) ^ S n) in *.
  change (p ^ S (S n)) with (p * p ^ S n) in *. set (x := p ^ S n) in *. set (y := (1 - p) ^ S n) in *. field. lra.
Qed.

Lemma half_order : forall p n, 0 < p < 1 ->
  (p < 1 / 2 -> p ^ S n < (1 - p) ^ S n) /\ (p > 1 / 2 -> (1 - p) ^ S n < p ^ S n)
  /\ (p = 1 / 2 -> p ^ S n = (1 - p) ^ S n).
Proof.
  intros p n Hp. repeat split; intros H; [apply pow_increasing; lra | apply pow_increasing; lra |].
  subst p. f_equal. lra.
Qed.

(** Advantages of the i-th response: of the group, and the expected one. *)
Definition own (i : nat) (g : list bool) : bool := nth i g false.
Definition group_advantage (i : nat) (g : list bool) : R := reward (own i g) - rate g.
Definition true_advantage (p : R) (i : nat) (g : list bool) : R := reward (own i g) - p.

Lemma gap_is_bias : forall p n i, 0 < p < 1 -> let G := S (S n) in
  expect_given p G mixed (fun g => group_advantage i g - true_advantage p i g) = - (expect_given p G mixed rate - p).
Proof.
  intros p n i Hp G. pose proof (chance_mixed_pos p n Hp) as HA. fold G in HA. unfold expect_given.
  rewrite (expect_ext p G _ (fun g => p * mixed g - rate g * mixed g))
    by (intros; unfold group_advantage, true_advantage; ring).
  rewrite expect_minus, expect_scale, expect_mixed_chance by (unfold G; lia). field. lra.
Qed.

(** Averaged over the own reward, the group mean underestimates the advantage exactly on hard prompts (p < 1/2) and
    overestimates it exactly on easy ones. *)
Theorem ha_dw_theorem1 : forall G p i, (2 <= G)%nat -> 0 < p < 1 ->
  let gap := expect_given p G mixed (fun g => group_advantage i g - true_advantage p i g) in
  (gap < 0 <-> p < 1 / 2) /\ (gap = 0 <-> p = 1 / 2) /\ (gap > 0 <-> p > 1 / 2).
Proof.
  intros G p i HG Hp. destruct G as [|[|n]]; [lia | lia |]. cbv zeta. rewrite gap_is_bias, bias_product by exact Hp.
  pose proof (chance_mixed_pos p n Hp) as HA. destruct (half_order p n Hp) as [H1 [H2 H3]].
  set (c := p * (1 - p) / chance_mixed p (S (S n))).
  assert (Hc : 0 < c) by (unfold c; apply Rdiv_lt_0_compat; nra).
  replace (- (p * (1 - p) * ((1 - p) ^ S n - p ^ S n) / chance_mixed p (S (S n))))
    with (c * (p ^ S n - (1 - p) ^ S n)) by (unfold c; field; lra).
  destruct (Rtotal_order p (1 / 2)) as [H | [H | H]].
  - specialize (H1 H). assert (c * (p ^ S n - (1 - p) ^ S n) < 0) by nra. lra.
  - specialize (H3 H). rewrite H3. lra.
  - specialize (H2 H). assert (0 < c * (p ^ S n - (1 - p) ^ S n)) by nra. lra.
Qed.

(** The bias: true less estimated advantage. *)
Definition bias (G : nat) (p : R) : R :=
  expect_given p G mixed (fun g => true_advantage p 0 g - group_advantage 0 g).

Lemma bias_is : forall p n, 0 < p < 1 ->
  bias (S (S n)) p = p * (1 - p) * ((1 - p) ^ S n - p ^ S n) / chance_mixed p (S (S n)).
Proof.
  intros p n Hp. rewrite <- bias_product by exact Hp. unfold bias.
  replace (expect_given p (S (S n)) mixed rate - p)
    with (- expect_given p (S (S n)) mixed (fun g => group_advantage 0 g - true_advantage p 0 g))
    by (rewrite gap_is_bias by exact Hp; ring).
  unfold expect_given.
  rewrite (expect_ext p _ (fun g => (true_advantage p 0 g - group_advantage 0 g) * mixed g)
    (fun g => (-1) * ((group_advantage 0 g - true_advantage p 0 g) * mixed g))) by (intros; ring).
  rewrite expect_scale. unfold Rdiv. ring.
Qed.

(** The bias is (p (1-p)^G + p^(G+1) - p^G) / (1 - (1-p)^G - p^G), and antisymmetric about p = 1/2. *)
Theorem ha_dw_lemma2 : forall G p, (2 <= G)%nat -> 0 < p < 1 ->
  bias G p = (p * (1 - p) ^ G + p ^ (G + 1) - p ^ G) / (1 - (1 - p) ^ G - p ^ G) /\ bias G (1 - p) = - bias G p.
Proof.
  intros G p HG Hp. destruct G as [|[|n]]; [lia | lia |]. rewrite !bias_is by lra.
  pose proof (chance_mixed_pos p n Hp) as HA. unfold chance_mixed in *.
  replace (S (S n) + 1)%nat with (S (S (S n))) by lia. replace (1 - (1 - p)) with p by ring.
  change ((1 - p) ^ S (S n)) with ((1 - p) * (1 - p) ^ S n) in *.
  change (p ^ S (S (S n))) with (p * (p * p ^ S n)). change (p ^ S (S n)) with (p * p ^ S n) in *.
  set (x := p ^ S n) in *. set (y := (1 - p) ^ S n) in *. split; field; lra.
Qed.

(** Geometric sums: 1 + x + ... + x^(n-1). *)
Fixpoint powers (x : R) (n : nat) : R := match n with O => 0 | S k => powers x k + x ^ k end.

Lemma powers_sum : forall x n, (1 - x) * powers x n = 1 - x ^ n.
Proof. intros x. induction n as [|n IH]; simpl; [ring|]. rewrite Rmult_plus_distr_l, IH. ring. Qed.

Lemma powers_least : forall x n, 0 < x -> 1 <= powers x (S n).
Proof.
  intros x n Hx. induction n as [|n IH]; [simpl; lra|]. assert (0 < x ^ S n) by (now apply pow_lt).
  change (1 <= powers x (S n) + x ^ S n). lra.
Qed.

Lemma powers_below : forall x n, 0 < x < 1 -> x * powers x (S n) < INR (S n).
Proof.
  intros x n Hx. induction n as [|n IH]; [simpl; lra|].
  replace (x * powers x (S (S n))) with (x * powers x (S n) + x ^ S (S n)) by (simpl; ring).
  pose proof (pow_below_1 x (S n) Hx). rewrite S_INR. lra.
Qed.

(** The mean of mixed groups is no more than two geometric sums, and so is the chance of one. *)
Lemma chance_is_powers : forall p n, 0 < p < 1 ->
  chance_mixed p (S n) = p * (1 - p) * (powers p n + powers (1 - p) n).
Proof.
  intros p n Hp. unfold chance_mixed. simpl pow. pose proof (powers_sum p n) as E1.
  pose proof (powers_sum (1 - p) n) as E2. replace (1 - (1 - p)) with p in E2 by ring.
  replace (p * (1 - p) * (powers p n + powers (1 - p) n))
    with (p * ((1 - p) * powers p n) + (1 - p) * (p * powers (1 - p) n)) by ring.
  rewrite E1, E2. ring.
Qed.

Lemma bias_is_powers : forall p n, 0 < p < 1 ->
  bias (S (S n)) p = powers p (S n) / (powers p (S n) + powers (1 - p) (S n)) - p.
Proof.
  intros p n Hp. rewrite bias_is, chance_is_powers by exact Hp.
  pose proof (powers_least p n ltac:(lra)). pose proof (powers_least (1 - p) n ltac:(lra)).
  pose proof (powers_sum p (S n)) as E1. pose proof (powers_sum (1 - p) (S n)) as E2.
  replace (1 - (1 - p)) with p in E2 by ring.
  replace ((1 - p) ^ S n) with (1 - p * powers (1 - p) (S n)) by lra.
  replace (p ^ S n) with (1 - (1 - p) * powers p (S n)) by lra. field. lra.
Qed.

(** One more response: each of the first powers of q/p is below the one that is added. *)
Lemma mediant : forall x y n, 0 < x < y -> x ^ S n * powers y (S n) < y ^ S n * powers x (S n).
Proof.
  intros x y n Hx. assert (T : forall k i, 0 < x ^ i * y ^ i /\ x ^ (S k + i) * y ^ i < y ^ (S k + i) * x ^ i).
  { intros k i. assert (0 < x ^ i) by (apply pow_lt; lra). assert (0 < y ^ i) by (apply pow_lt; lra).
    assert (0 < x ^ i * y ^ i) by (now apply Rmult_lt_0_compat). split; [assumption|].
    rewrite !pow_add. pose proof (pow_increasing x y k ltac:(lra) ltac:(lra)).
    replace (x ^ S k * x ^ i * y ^ i) with (x ^ S k * (x ^ i * y ^ i)) by ring.
    replace (y ^ S k * y ^ i * x ^ i) with (y ^ S k * (x ^ i * y ^ i)) by ring. nra. }
  assert (A : forall m, (m <= S n)%nat -> x ^ S n * powers y m <= y ^ S n * powers x m
    /\ ((0 < m)%nat -> x ^ S n * powers y m < y ^ S n * powers x m)).
  { induction m as [|m IH]; intros Hm; [simpl; split; [lra | lia]|]. destruct IH as [L _]; [lia|].
    destruct (T (n - m)%nat m) as [_ U]. replace (S (n - m) + m)%nat with (S n) in U by lia.
    cbn [powers]. split; [|intros _]; rewrite !Rmult_plus_distr_l; lra. }
  destruct (A (S n)) as [_ B]; [lia|]. apply B. lia.
Qed.

Lemma derive_bias : forall p n, 0 < p < 1 -> let m := S n in
  let s := powers p m in let t := powers (1 - p) m in
  is_derive (fun x => x * (1 - x ^ m) / (1 - (1 - x) ^ S m - x ^ S m) - x) p
    (- (p * (1 - p) * (INR m * (t * p ^ m + s * (1 - p) ^ m) - ((1 - p) ^ m - p ^ m) * ((1 - p) * t - p * s)))
      / chance_mixed p (S m) ^ 2).
Proof.
  intros p n Hp m s t. pose proof (chance_mixed_pos p n Hp) as HA. fold m in HA.
  pose proof (powers_sum p m) as E1. pose proof (powers_sum (1 - p) m) as E2. fold s in E1. fold t in E2.
  replace (1 - (1 - p)) with p in E2 by ring.
  assert (Es : s = (1 - p ^ m) / (1 - p)) by (rewrite <- E1; field; lra).
  assert (Et : t = (1 - (1 - p) ^ m) / p) by (rewrite <- E2; field; lra). rewrite Es, Et. clear E1 E2 Es Et.
  unfold chance_mixed in *.
  apply (is_derive_ext (fun x => x * (1 - x ^ m) * / (1 - (1 - x) * (1 - x) ^ m - x * x ^ m) - x)).
  { intros x. simpl pow. reflexivity. }
  simpl pow in HA |- *.
  assert (N : forall x, 0 < x -> INR n * x ^ Init.Nat.pred n = INR n * x ^ n / x).
  { intros x Hx. destruct n as [|k]; [simpl; field; lra|]. simpl Init.Nat.pred. simpl pow. field. lra. }
  auto_derive; change (1 + - p) with (1 - p).
  - lra.
  - rewrite !N by lra. unfold m. rewrite S_INR. set (c := INR n). set (P := p ^ n) in *. set (Q := (1 - p) ^ n) in *.
    field. lra.
Qed.

(** The bias shrinks as the group grows, towards 0: it falls on hard prompts, where it is above 0, and rises on easy ones.
    And in every group size it falls with the success rate, so that it grows with the distance from 1/2. *)
Theorem ha_dw_bias_grows : forall G p, (2 <= G)%nat -> 0 < p < 1 ->
  (p < 1 / 2 -> 0 < bias (S G) p < bias G p) /\ (p > 1 / 2 -> bias G p < bias (S G) p < 0)
  /\ forall p', p < p' < 1 -> bias G p' < bias G p.
Proof.
  intros G p HG Hp. destruct G as [|[|n]]; [lia | lia |].
  assert (Sign : forall k, (p < 1 / 2 -> 0 < bias (S (S k)) p) /\ (p > 1 / 2 -> bias (S (S k)) p < 0)).
  { intros k. rewrite bias_is by exact Hp. pose proof (chance_mixed_pos p k Hp) as HA.
    destruct (half_order p k Hp) as [H1 [H2 _]].
    assert (Hc : 0 < p * (1 - p) / chance_mixed p (S (S k))) by (apply Rdiv_lt_0_compat; nra).
    replace (p * (1 - p) * ((1 - p) ^ S k - p ^ S k) / chance_mixed p (S (S k)))
      with (p * (1 - p) / chance_mixed p (S (S k)) * ((1 - p) ^ S k - p ^ S k)) by (field; lra).
    split; intros H; [specialize (H1 H) | specialize (H2 H)]; nra. }
  set (s := powers p (S n)). set (t := powers (1 - p) (S n)).
  assert (Hs : 1 <= s) by (apply powers_least; lra). assert (Ht : 1 <= t) by (apply powers_least; lra).
  assert (P0 : 0 < p ^ S n) by (apply pow_lt; lra). assert (Q0 : 0 < (1 - p) ^ S n) by (apply pow_lt; lra).
  assert (Step : bias (S (S (S n))) p - bias (S (S n)) p
    = (p ^ S n * t - (1 - p) ^ S n * s) / ((s + p ^ S n + (t + (1 - p) ^ S n)) * (s + t))).
  { rewrite !bias_is_powers by exact Hp.
    change (powers p (S (S n))) with (s + p ^ S n). change (powers (1 - p) (S (S n))) with (t + (1 - p) ^ S n).
    fold s t. field. lra. }
  assert (Hd : 0 < / ((s + p ^ S n + (t + (1 - p) ^ S n)) * (s + t))) by (apply Rinv_0_lt_compat, Rmult_lt_0_compat; lra).
  unfold Rdiv in Step. split; [| split].
  - intros H. destruct (Sign (S n)) as [S1 _]. specialize (S1 H). split; [exact S1|].
    pose proof (mediant p (1 - p) n ltac:(lra)) as M. fold s t in M. nra.
  - intros H. destruct (Sign (S n)) as [_ S1]. specialize (S1 H). split; [|exact S1].
    pose proof (mediant (1 - p) p n ltac:(lra)) as M. fold s t in M. nra.
  - intros p' Hp'. clear Step Hd Sign. set (m := S n).
    set (f := fun x => x * (1 - x ^ m) / (1 - (1 - x) ^ S m - x ^ S m) - x).
    set (d := fun x => - (x * (1 - x) * (INR m * (powers (1 - x) m * x ^ m + powers x m * (1 - x) ^ m)
      - ((1 - x) ^ m - x ^ m) * ((1 - x) * powers (1 - x) m - x * powers x m))) / chance_mixed x (S m) ^ 2).
    assert (Same : forall x, 0 < x < 1 -> bias (S m) x = f x).
    { intros x Hx. unfold m. rewrite bias_is by exact Hx. pose proof (chance_mixed_pos x n Hx) as HA. unfold f, m.
      unfold chance_mixed in *. change ((1 - x) ^ S (S n)) with ((1 - x) * (1 - x) ^ S n) in *.
      change (x ^ S (S n)) with (x * x ^ S n) in *. field. lra. }
    assert (Der : forall x, 0 < x < 1 -> is_derive f x (d x)) by (intros; now apply (derive_bias x n)).
    assert (Neg : forall x, 0 < x < 1 -> d x < 0).
    { intros x Hx. unfold d. pose proof (chance_mixed_pos x n Hx) as HA. fold m in HA.
      assert (H2 : 0 < / chance_mixed x (S m) ^ 2) by (apply Rinv_0_lt_compat, pow_lt; exact HA).
      set (u := powers x m). set (v := powers (1 - x) m).
      assert (Hu : 1 <= u) by (apply powers_least; lra). assert (Hv : 1 <= v) by (apply powers_least; lra).
      assert (Lu : x * u < INR m) by (apply powers_below; lra).
      assert (Lv : (1 - x) * v < INR m) by (apply powers_below; lra).
      assert (Px : 0 < x ^ m) by (apply pow_lt; lra). assert (Qx : 0 < (1 - x) ^ m) by (apply pow_lt; lra).
      set (P := x ^ m) in *. set (Q := (1 - x) ^ m) in *.
      assert (Hxu : 0 < x * u) by nra. assert (Hxv : 0 < (1 - x) * v) by nra.
      set (a := x * u) in *. set (b := (1 - x) * v) in *. set (k := INR m) in *.
      assert (Big : 0 < k * (v * P + u * Q) - (Q - P) * (b - a)).
      { assert (k * P <= k * (v * P)) by (apply Rmult_le_compat_l; nra).
        assert (k * Q <= k * (u * Q)) by (apply Rmult_le_compat_l; nra).
        assert ((Q - P) * (b - a) < k * P + k * Q); [|nra].
        assert (Q * b < Q * k) by (apply Rmult_lt_compat_l; lra). assert (P * a < P * k) by
          (apply Rmult_lt_compat_l; lra). nra. }
      assert (0 < x * (1 - x) * (k * (v * P + u * Q) - (Q - P) * (b - a))) by (apply Rmult_lt_0_compat; nra).
      unfold Rdiv. nra. }
    fold m. rewrite (Same p), (Same p') by lra.
    destruct (MVT_gen f p p' d) as [c [Hc E]].
    + intros x Hx. apply Der. rewrite Rmin_left, Rmax_right in Hx by lra. lra.
    + intros x Hx. rewrite Rmin_left, Rmax_right in Hx by lra.
      apply derivable_continuous_pt. exists (d x). apply is_derive_Reals, Der. lra.
    + rewrite Rmin_left, Rmax_right in Hc by lra. specialize (Neg c ltac:(lra)). nra.
Qed.

(** Multiplying the group mean by c = A(p) / (1 - p^(G-1)) removes the bias; c is below 1 exactly on hard prompts and
    above 1 exactly on easy ones. *)
Theorem ha_dw_debiasing_factor : forall G p, (2 <= G)%nat -> 0 < p < 1 ->
  let c := chance_mixed p G / (1 - p ^ (G - 1)) in
  c * expect_given p G mixed rate = p /\ (c < 1 <-> p < 1 / 2) /\ (c > 1 <-> p > 1 / 2).
Proof.
  intros G p HG Hp c. destruct G as [|[|n]]; [lia | lia |]. unfold c. replace (S (S n) - 1)%nat with (S n) by lia.
  rewrite expected_rate by exact Hp. pose proof (chance_mixed_pos p n Hp) as HA. pose proof (pow_below_1 p n Hp) as H1.
  split; [field; lra|]. destruct (half_order p n Hp) as [L [M E]].
  assert (D : chance_mixed p (S (S n)) / (1 - p ^ S n) - 1 = (1 - p) / (1 - p ^ S n) * (p ^ S n - (1 - p) ^ S n)).
  { unfold chance_mixed. change ((1 - p) ^ S (S n)) with ((1 - p) * (1 - p) ^ S n).
    change (p ^ S (S n)) with (p * p ^ S n). field. lra. }
  assert (Hc : 0 < (1 - p) / (1 - p ^ S n)) by (apply Rdiv_lt_0_compat; lra).
  set (u := (1 - p) / (1 - p ^ S n)) in *. set (f := chance_mixed p (S (S n)) / (1 - p ^ S n)) in *.
  destruct (Rtotal_order p (1 / 2)) as [H | [H | H]].
  - specialize (L H). assert (f - 1 < 0) by (rewrite D; nra). lra.
  - specialize (E H). rewrite E in D. assert (f - 1 = 0) by (rewrite D; ring). lra.
  - specialize (M H). assert (0 < f - 1) by (rewrite D; nra). lra.
Qed.

(** A factor within the stated bounds brings the expected baseline within eps of p. *)
Theorem ha_dw_lemma3 : forall G p c eps, (2 <= G)%nat -> 0 < p < 1 ->
  (p - eps) * chance_mixed p G / (p * (1 - p ^ (G - 1))) < c < (p + eps) * chance_mixed p G / (p * (1 - p ^ (G - 1))) ->
  p - eps < expect_given p G mixed (fun g => c * rate g) < p + eps.
Proof.
  intros G p c eps HG Hp. destruct G as [|[|n]]; [lia | lia |]. replace (S (S n) - 1)%nat with (S n) by lia.
  pose proof (chance_mixed_pos p n Hp) as HA. pose proof (pow_below_1 p n Hp) as H1.
  replace (expect_given p (S (S n)) mixed (fun g => c * rate g)) with (c * expect_given p (S (S n)) mixed rate).
  - rewrite expected_rate by exact Hp. set (A := chance_mixed p (S (S n))) in *.
    assert (Hm : 0 < p * (1 - p ^ S n)) by nra. set (m := p * (1 - p ^ S n)) in *.
    replace (c * (m / A)) with (c * m / A) by (field; lra). intros [Hl Hu].
    apply Rmult_lt_compat_r with (r := m) in Hl; [|exact Hm]. apply Rmult_lt_compat_r with (r := m) in Hu; [|exact Hm].
    replace ((p - eps) * A / m * m) with ((p - eps) * A) in Hl by (field; lra).
    replace ((p + eps) * A / m * m) with ((p + eps) * A) in Hu by (field; lra).
    split; apply Rmult_lt_reg_r with A; auto; replace (c * m / A * A) with (c * m) by (field; lra); assumption.
  - unfold expect_given. rewrite (expect_ext p _ (fun g => c * rate g * mixed g) (fun g => c * (rate g * mixed g)))
      by (intros; ring). rewrite expect_scale. unfold Rdiv. ring.
Qed.

(** A mixed group has between 1 and G - 1 successes. *)
Lemma mixed_bounds : forall g, mixed g = 1 -> 1 <= successes g <= size g - 1.
Proof.
  intros g Hm. assert (E : existsb (fun b => b) g && existsb negb g = true).
  { unfold mixed, indicator in Hm. destruct (_ && _); [reflexivity | lra]. }
  apply andb_prop in E as [E1 E2]. clear Hm.
  assert (B : forall g, 0 <= successes g <= size g).
  { induction g0 as [|b g0 IH]; unfold successes in *; [unfold size; simpl; lra|]. rewrite size_cons. simpl.
    destruct b; simpl; lra. }
  split.
  - induction g as [|[] g IH]; simpl in *; [discriminate | |]; unfold successes in *; simpl.
    + specialize (B g). lra.
    + clear IH E2. induction g as [|[] g IH]; simpl in *; [discriminate | specialize (B g); lra |].
      specialize (IH E1). lra.
  - rewrite exists_wrong in E2. clear E1. induction g as [|[] g IH]; simpl in *; [discriminate | |];
      unfold successes in *; rewrite size_cons; simpl.
    + specialize (IH E2). lra.
    + specialize (B g). lra.
Qed.

(** Below p = 1/G every mixed group underestimates the advantage of each response, above (G-1)/G every one overestimates
    it. *)
Theorem ha_dw_corollary3 : forall p g i, mixed g = 1 ->
  (p < 1 / size g -> group_advantage i g < true_advantage p i g)
  /\ (p > (size g - 1) / size g -> group_advantage i g > true_advantage p i g).
Proof.
  intros p g i Hm. destruct (mixed_bounds g Hm) as [H1 H2].
  assert (Hs : 0 < size g) by lra. unfold group_advantage, true_advantage, rate. split; intros Hp.
  - assert (1 / size g <= successes g / size g) by (apply Rmult_le_compat_r; [left; now apply Rinv_0_lt_compat | lra]).
    lra.
  - assert (successes g / size g <= (size g - 1) / size g)
      by (apply Rmult_le_compat_r; [left; now apply Rinv_0_lt_compat | lra]). lra.
Qed.

(** ** Given the own reward *)

(** The own response, at any place i, can be drawn first. *)
Definition insert (i : nat) (b : bool) (g : list bool) : list bool := firstn i g ++ b :: skipn i g.

Lemma expect_exchange : forall p i n f, (i <= n)%nat ->
  expect p (S n) f = p * expect p n (fun g => f (insert i true g)) + (1 - p) * expect p n (fun g => f (insert i false
    g)).
Proof.
  intros p. induction i as [|i IH]; intros n f Hi; [reflexivity|]. destruct n as [|n]; [lia|].
  change (expect p (S (S n)) f)
    with (p * expect p (S n) (fun g => f (true :: g)) + (1 - p) * expect p (S n) (fun g => f (false :: g))).
  rewrite (IH n (fun g => f (true :: g))), (IH n (fun g => f (false :: g))) by lia. unfold insert. simpl. ring.
Qed.

Lemma own_insert : forall i b g, (i <= length g)%nat -> own i (insert i b g) = b.
Proof.
  intros i b g Hi. unfold own, insert. rewrite app_nth2; rewrite firstn_length_le by exact Hi; [|lia].
  now rewrite Nat.sub_diag.
Qed.

Lemma successes_insert : forall i b g, successes (insert i b g) = reward b + successes g.
Proof.
  intros i b g. unfold successes, insert. rewrite sum_app. simpl. rewrite <- (firstn_skipn i g) at 3. rewrite sum_app.
    ring.
Qed.

Lemma size_insert : forall i b g, size (insert i b g) = 1 + size g.
Proof.
  intros i b g. unfold size, insert. rewrite app_length. simpl length. rewrite <- (firstn_skipn i g) at 3.
  rewrite app_length. rewrite !plus_INR, S_INR. ring.
Qed.

Lemma forallb_insert : forall f i b g, forallb f (insert i b g) = f b && forallb f g.
Proof.
  intros f i b g. unfold insert. rewrite <- (firstn_skipn i g) at 3. rewrite !forallb_app. simpl.
  destruct (f b), (forallb f (firstn i g)), (forallb f (skipn i g)); reflexivity.
Qed.

Lemma mixed_insert : forall i b g, mixed (insert i b g) = 1 - (if b then all_right g else all_wrong g).
Proof.
  intros i b g. unfold mixed. rewrite exists_right, exists_wrong, !forallb_insert. unfold all_right, all_wrong.
  destruct b; simpl; [destruct (forallb (fun b => b) g) | destruct (forallb negb g)]; simpl; ring.
Qed.

(** The event that the group is mixed and the own reward is b. *)
Definition mixed_and_own (i : nat) (b : bool) (g : list bool) : R := mixed g * indicator (Bool.eqb (own i g) b).

Lemma expect_own : forall p i n b f, (i <= n)%nat ->
  expect p (S n) (fun g => f g * mixed_and_own i b g)
  = (if b then p else 1 - p) * expect p n (fun g => f (insert i b g) * (1 - (if b then all_right g else all_wrong g))).
Proof.
  intros p i n b f Hi. rewrite (expect_exchange p i) by exact Hi. unfold mixed_and_own.
  rewrite (expect_ext p n (fun g => f (insert i true g) * _)
    (fun g => indicator (Bool.eqb true b) * (f (insert i true g) * (1 - all_right g))))
    by (intros g Hg; rewrite own_insert, mixed_insert by lia; ring).
  rewrite (expect_ext p n (fun g => f (insert i false g) * _)
    (fun g => indicator (Bool.eqb false b) * (f (insert i false g) * (1 - all_wrong g))))
    by (intros g Hg; rewrite own_insert, mixed_insert by lia; ring).
  rewrite !expect_scale. destruct b; simpl; ring.
Qed.

Lemma own_right : forall p i n, 0 < p < 1 -> (i <= S n)%nat -> let G := S (S n) in
  expect_given p G (mixed_and_own i true) (fun g => rate g - p)
  = (1 - p) * (1 - INR G * p ^ S n) / (INR G * (1 - p ^ S n)).
Proof.
  intros p i n Hp Hi G. assert (HG : INR G = INR (S n) + 1) by (unfold G; now rewrite S_INR).
  assert (0 < INR (S n)) by (apply lt_0_INR; lia). pose proof (pow_below_1 p n Hp) as H1. unfold expect_given.
  rewrite (expect_ext p G (mixed_and_own i true) (fun g => 1 * mixed_and_own i true g)) by (intros; ring).
  unfold G. rewrite (expect_own p i (S n) true (fun _ => 1)), (expect_own p i (S n) true (fun g => rate g - p)) by
    exact Hi.
  fold G.
  assert (C : forall c, expect p (S n) (fun g => c * (1 - all_right g)) = c * (1 - p ^ S n)).
  { intros c. rewrite (expect_ext p (S n) _ (fun g => c - c * all_right g)) by (intros; ring).
    rewrite expect_minus, expect_const, (expect_all_right p (S n) (fun _ => c)). ring. }
  rewrite C.
  rewrite (expect_ext p (S n) _ (fun g => (1 - INR G * p) / INR G * (1 - all_right g)
    + / INR G * (successes g - successes g * all_right g))).
  - rewrite expect_plus, C, expect_scale, expect_minus, expect_successes, expect_all_right, successes_all_right.
    rewrite HG. field. lra.
  - intros g Hg. unfold rate. rewrite successes_insert, size_insert. unfold size. rewrite Hg, HG. simpl reward.
    field. lra.
Qed.

Lemma own_wrong : forall p i n, 0 < p < 1 -> (i <= S n)%nat -> let G := S (S n) in
  expect_given p G (mixed_and_own i false) (fun g => rate g - p)
  = - (p * (1 - INR G * (1 - p) ^ S n) / (INR G * (1 - (1 - p) ^ S n))).
Proof.
  intros p i n Hp Hi G. assert (HG : INR G = INR (S n) + 1) by (unfold G; now rewrite S_INR).
  assert (0 < INR (S n)) by (apply lt_0_INR; lia). pose proof (pow_below_1 (1 - p) n ltac:(lra)) as H1.
  unfold expect_given.
  rewrite (expect_ext p G (mixed_and_own i false) (fun g => 1 * mixed_and_own i false g)) by (intros; ring).
  unfold G. rewrite (expect_own p i (S n) false (fun _ => 1)), (expect_own p i (S n) false (fun g => rate g - p)) by
    exact Hi.
  fold G.
  assert (C : forall c, expect p (S n) (fun g => c * (1 - all_wrong g)) = c * (1 - (1 - p) ^ S n)).
  { intros c. rewrite (expect_ext p (S n) _ (fun g => c - c * all_wrong g)) by (intros; ring).
    rewrite expect_minus, expect_const, (expect_all_wrong p (S n) (fun _ => c)). ring. }
  rewrite C.
  rewrite (expect_ext p (S n) _ (fun g => (- p) * (1 - all_wrong g)
    + / INR G * (successes g - successes g * all_wrong g))).
  - rewrite expect_plus, C, expect_scale, expect_minus, expect_successes, expect_all_wrong, successes_all_wrong.
    rewrite HG. field. lra.
  - intros g Hg. unfold rate. rewrite successes_insert, size_insert. unfold size. rewrite Hg, HG. simpl reward.
    field. lra.
Qed.

(** G x^(G-1) is below 1 exactly for x below G^(-1/(G-1)). *)
Lemma threshold : forall x n, 0 < x -> let G := S (S n) in
  let t := Rpower (INR G) (-1 / (INR G - 1)) in
  (INR G * x ^ S n < 1 <-> x < t).
Proof.
  intros x n Hx G t. assert (HG : INR G = INR (S n) + 1) by (unfold G; now rewrite S_INR).
  assert (Hn : 0 < INR (S n)) by (apply lt_0_INR; lia). assert (Ht : 0 < t) by apply exp_pos.
  assert (E : INR G * t ^ S n = 1).
  { rewrite <- Rpower_pow by exact Ht. unfold t. rewrite Rpower_mult.
    replace (-1 / (INR G - 1) * INR (S n)) with (- (1)) by (rewrite HG; field; lra).
    rewrite Rpower_Ropp, Rpower_1 by lra. field. lra. }
  destruct (Rtotal_order x t) as [H | [-> | H]].
  - pose proof (pow_increasing x t n Hx H). split; [auto|]. intros _. nra.
  - lra.
  - pose proof (pow_increasing t x n Ht H). split; [|lra]. intros. nra.
Qed.

(** Given a correct response its advantage is underestimated exactly for p < G^(-1/(G-1)); given a wrong one it is
    overestimated exactly for p > 1 - G^(-1/(G-1)). The bias given a correct response is the stated quotient. *)
Theorem ha_dw_own_reward_threshold : forall G p i, (2 <= G)%nat -> (i < G)%nat -> 0 < p < 1 ->
  let t := Rpower (INR G) (-1 / (INR G - 1)) in
  let gap b := expect_given p G (mixed_and_own i b) (fun g => group_advantage i g - true_advantage p i g) in
  - gap true = (1 - p) * (1 - INR G * p ^ (G - 1)) / (INR G * (1 - p ^ (G - 1)))
  /\ (gap true < 0 <-> p < t) /\ (gap false > 0 <-> p > 1 - t).
Proof.
  intros G p i HG Hi Hp t gap. destruct G as [|[|n]]; [lia | lia |]. replace (S (S n) - 1)%nat with (S n) by lia.
  assert (N : forall b, gap b = - expect_given p (S (S n)) (mixed_and_own i b) (fun g => rate g - p)).
  { intros b. unfold gap, expect_given.
    rewrite (expect_ext p _ _ (fun g => (-1) * ((rate g - p) * mixed_and_own i b g)))
      by (intros; unfold group_advantage, true_advantage; ring).
    rewrite expect_scale. unfold Rdiv. ring. }
  rewrite !N, own_right, own_wrong by (assumption || lia).
  assert (HGp : 0 < INR (S (S n))) by (apply lt_0_INR; lia).
  pose proof (pow_below_1 p n Hp) as H1. pose proof (pow_below_1 (1 - p) n ltac:(lra)) as H2.
  pose proof (threshold p n ltac:(lra)) as T1. pose proof (threshold (1 - p) n ltac:(lra)) as T2.
  cbv zeta in T1, T2. fold t in T1, T2. set (m := INR (S (S n))) in *.
  set (x := p ^ S n) in *. set (y := (1 - p) ^ S n) in *.
  assert (C1 : 0 < (1 - p) / (m * (1 - x))) by (apply Rdiv_lt_0_compat; [lra | apply Rmult_lt_0_compat; lra]).
  assert (C2 : 0 < p / (m * (1 - y))) by (apply Rdiv_lt_0_compat; [lra | apply Rmult_lt_0_compat; lra]).
  replace ((1 - p) * (1 - m * x) / (m * (1 - x))) with ((1 - p) / (m * (1 - x)) * (1 - m * x)) by (field; lra).
  replace (p * (1 - m * y) / (m * (1 - y))) with (p / (m * (1 - y)) * (1 - m * y)) by (field; lra).
  set (c1 := (1 - p) / (m * (1 - x))) in *. set (c2 := p / (m * (1 - y))) in *.
  split; [ring | split; split; intros H].
  - apply T1. nra.
  - apply T1 in H. nra.
  - assert (1 - p < t) by (apply T2; nra). lra.
  - assert (1 - p < t) as H3 by lra. apply T2 in H3. nra.
Qed.

(** Refuted: that given its own reward every response is underestimated on hard prompts and overestimated on easy ones.
    In groups of three with p = .55 a correct response is underestimated. *)
Theorem ha_dw_theorem1_own_reward :
  ~ forall G p i b, (2 <= G)%nat -> (i < G)%nat -> 0 < p < 1 ->
      let gap := expect_given p G (mixed_and_own i b) (fun g => group_advantage i g - true_advantage p i g) in
      (p < 1 / 2 -> gap < 0) /\ (p > 1 / 2 -> gap > 0).
Proof.
  intros H. assert (HG : (2 <= 3)%nat) by lia. assert (Hi : (0 < 3)%nat) by lia.
  assert (Hp : 0 < 11 / 20 < 1) by lra. destruct (H 3%nat (11 / 20) 0%nat true HG Hi Hp) as [_ Easy].
  destruct (ha_dw_own_reward_threshold 3 (11 / 20) 0 HG Hi Hp) as [_ [T _]].
  assert (Hard : 11 / 20 < Rpower (INR 3) (-1 / (INR 3 - 1))).
  { apply (threshold (11 / 20) 1); [lra|]. simpl. lra. }
  apply T in Hard. assert (E : 11 / 20 > 1 / 2) by lra. specialize (Easy E). lra.
Qed.

(** The weight that turns r - p^ into r - c p^ is 1 + (1-c) p^/(1-p^) = (1 - c p^)/(1 - p^) for a correct response and c
    for a wrong one, and no other weight does. *)
Theorem ha_dw_theorem3_weights : forall q c w, 0 < q < 1 ->
  (w * (1 - q) = 1 - c * q <-> w = 1 + (1 - c) * q / (1 - q))
  /\ 1 + (1 - c) * q / (1 - q) = (1 - c * q) / (1 - q)
  /\ (w * (0 - q) = 0 - c * q <-> w = c).
Proof.
  intros q c w Hq. split; [split | split; [field; lra | split]].
  - intros H. replace w with (w * (1 - q) / (1 - q)) by (field; lra). rewrite H. field. lra.
  - intros ->. field. lra.
  - intros H. nra.
  - intros ->. ring.
Qed.
