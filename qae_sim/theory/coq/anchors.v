(** Anchors of difficulty: HA-DW's soft and hard anchor, its weights, and how well an anchor tracks a capability that
    walks at random. *)

From Coq Require Import Reals List Lra Lia.
From Coquelicot Require Import Coquelicot.
From QAE Require Import finite_sums groups.
Import ListNotations.
Open Scope R_scope.

(** ** The soft anchor *)

(** C t is the belief after batch t, which is the belief before batch t + 1; y t is the accuracy of batch t. The gain is
    eta times the population standard deviation of the last m beliefs. *)
Definition last_beliefs (C : nat -> R) (m t : nat) : list R := map (fun j => C (t - j)%nat) (seq 1 m).
Definition soft_anchor (eta : R) (m : nat) (y C : nat -> R) : Prop :=
  forall t, (m <= t)%nat ->
    let gain := eta * std (last_beliefs C m t) in C t = (1 - gain) * C (t - 1)%nat + gain * y t.

Lemma std_equal : forall r v, r <> [] -> (forall x, In x r -> x = v) -> std r = 0.
Proof.
  intros r v Hr H. pose proof (size_pos _ r Hr). assert (A : average r = v).
  { unfold average. rewrite (sum_ext _ r _ (fun _ => v)), sum_const by exact H. field. lra. }
  unfold std, squares. rewrite (sum_ext _ r _ (fun _ => 0)).
  - rewrite sum_const. replace (size r * 0 / size r) with 0 by (field; lra). apply sqrt_0.
  - intros x Hx. rewrite A, (H x Hx). ring.
Qed.

(** Once the last m beliefs are equal the soft anchor never moves again, whatever the accuracies. *)
Theorem ha_dw_absorbing : forall eta m y C t v, (1 <= m <= t)%nat -> soft_anchor eta m y C ->
  (forall j, (1 <= j <= m)%nat -> C (t - j)%nat = v) ->
  forall later, (t <= later)%nat -> std (last_beliefs C m later) = 0 /\ C later = v.
Proof.
  intros eta m y C t v Hm Hsoft Heq.
  assert (Step : forall s, (t <= s)%nat -> (forall j, (1 <= j <= m)%nat -> C (s - j)%nat = v) ->
            std (last_beliefs C m s) = 0 /\ C s = v).
  { intros s Hs Hj. assert (Z : std (last_beliefs C m s) = 0).
    { apply (std_equal _ v).
      - unfold last_beliefs. destruct m; [lia | easy].
      - intros x Hx. unfold last_beliefs in Hx. apply in_map_iff in Hx as [j [<- Hin]]. apply in_seq in Hin.
        apply Hj. lia. }
    split; [exact Z|]. rewrite (Hsoft s) by lia. rewrite Z. rewrite (Hj 1%nat) by lia. ring. }
  assert (All : forall k j, (1 <= j <= m)%nat -> C (t + k - j)%nat = v).
  { induction k as [|k IH]; intros j Hj; [rewrite Nat.add_0_r; now apply Heq|].
    destruct (Nat.eq_dec j 1) as [-> | N].
    - replace (t + S k - 1)%nat with (t + k)%nat by lia. apply Step; [lia | exact IH].
    - replace (t + S k - j)%nat with (t + k - (j - 1))%nat by lia. apply IH. lia. }
  intros later Hl. apply Step; [exact Hl|]. intros j Hj. replace later with (t + (later - t))%nat by lia. now apply All.
Qed.

(** ** The hard anchor *)

(** Let y j be the accuracy j batches ago. The recursive form ((h - 1) C + y 0) / h of the hard update is the mean
    accuracy of the last h batches exactly if the belief C before it is the mean of the h - 1 batches before. *)
Theorem ha_dw_hard_forms : forall h (y : nat -> R) C, (2 <= h)%nat ->
  (((INR h - 1) * C + y 0%nat) / INR h = sum (seq 0 h) y / INR h <-> C = sum (seq 1 (h - 1)) y / (INR h - 1)).
Proof.
  intros h y C Hh. assert (2 <= INR h) by (apply (le_INR 2); lia). destruct h as [|n]; [lia|].
  cbn [seq sum]. replace (S n - 1)%nat with n by lia. set (before := sum (seq 1 n) y). split; intros E.
  - apply (Rmult_eq_compat_r (INR (S n))) in E. unfold Rdiv in E. rewrite !Rmult_assoc, !Rinv_l, !Rmult_1_r in E by lra.
    replace before with ((INR (S n) - 1) * C) by lra. field. lra.
  - rewrite E. field. lra.
Qed.

(** ** The weights *)

Definition sgn (x : R) : R := if Rlt_dec 0 x then 1 else if Rlt_dec x 0 then -1 else 0.

(** The weight of a response with reward r in a group with success rate q, for the anchor C and the scale lambda. *)
Definition weight (lambda C q r : R) : R := lambda * exp (- sgn (r - q) * sgn (q - C) * Rabs (q - C)).

(** Below the anchor correct responses count more and wrong ones less, above it the reverse, by factors between lambda/e
    and lambda e. *)
Theorem ha_dw_directions : forall lambda C q, 0 < lambda -> 0 <= C <= 1 -> 0 < q < 1 ->
  (q < C -> lambda < weight lambda C q 1 /\ weight lambda C q 0 < lambda)
  /\ (C < q -> weight lambda C q 1 < lambda /\ lambda < weight lambda C q 0)
  /\ forall r, r = 0 \/ r = 1 -> lambda / exp 1 <= weight lambda C q r <= lambda * exp 1.
Proof.
  intros lambda C q Hl HC Hq.
  assert (W1 : weight lambda C q 1 = lambda * exp (C - q)).
  { unfold weight, sgn. f_equal. f_equal. unfold Rabs. destruct Rcase_abs; repeat destruct Rlt_dec; lra. }
  assert (W0 : weight lambda C q 0 = lambda * exp (q - C)).
  { unfold weight, sgn. f_equal. f_equal. unfold Rabs. destruct Rcase_abs; repeat destruct Rlt_dec; lra. }
  assert (Up : forall x, 0 < x -> 1 < exp x) by (intros; rewrite <- exp_0; now apply exp_increasing).
  assert (Down : forall x, x < 0 -> exp x < 1) by (intros; rewrite <- exp_0; now apply exp_increasing).
  assert (In : forall x, -1 <= x <= 1 -> lambda / exp 1 <= lambda * exp x <= lambda * exp 1).
  { assert (Le : forall x z, x <= z -> exp x <= exp z).
    { intros x z [H | ->]; [left; now apply exp_increasing | lra]. }
    intros x Hx. unfold Rdiv. rewrite <- exp_Ropp. split; apply Rmult_le_compat_l; try lra; apply Le; lra. }
  rewrite W1, W0. repeat split; try (intros H).
  - specialize (Up (C - q)). assert (1 < exp (C - q)) by (apply Up; lra). nra.
  - specialize (Down (q - C)). assert (exp (q - C) < 1) by (apply Down; lra). nra.
  - specialize (Down (C - q)). assert (exp (C - q) < 1) by (apply Down; lra). nra.
  - specialize (Up (q - C)). assert (1 < exp (q - C)) by (apply Up; lra). nra.
  - destruct H as [-> | ->]; rewrite ?W0, ?W1; apply In; lra.
  - destruct H as [-> | ->]; rewrite ?W0, ?W1; apply In; lra.
Qed.

(** ** Tracking a random walk *)

(** c t is the capability at batch t, which moves by noise w of variance q; the accuracy y t = c t + v t has noise v of
    variance r; B t is the belief before batch t. *)
Definition gain_error (q r g : R) : R := (q + g ^ 2 * r) / (g * (2 - g)).

(** The variance of a sum of independent noises is the sum of squared weights times their variances: of the error after
    n batches, whose weights the next theorem gives, with the variance V of the first error. *)
Definition error_variance (q r g V : R) (n : nat) : R :=
  ((1 - g) ^ n) ^ 2 * V + sum (seq 0 n) (fun j => (g * (1 - g) ^ j) ^ 2 * r + (- (1 - g) ^ j) ^ 2 * q).

Lemma sum_seq_last : forall n f, sum (seq 0 (S n)) f = sum (seq 0 n) f + f n.
Proof. intros. rewrite seq_S, sum_app. simpl. ring. Qed.

Lemma sum_seq_first : forall n f, sum (seq 0 (S n)) f = f 0%nat + sum (seq 0 n) (fun j => f (S j)).
Proof. intros. cbn [seq sum]. now rewrite <- seq_shift, sum_map. Qed.

(** With a fixed gain g the belief's error is the stated sum of independent noises, and its variance tends to
    (q + g^2 r) / (g (2 - g)), from wherever it starts. No gain makes that smaller than P, where P^2 = q (P + r), and
    P / (P + r) alone makes it P. *)
Theorem anchor_gain_error : forall q r P g, 0 < q -> 0 < r -> 0 < P -> P ^ 2 = q * (P + r) -> 0 < g < 2 ->
  (forall c B w v : nat -> R, (forall t, c (S t) = c t + w t) ->
     (forall t, B (S t) = B t + g * (c t + v t - B t)) -> forall n,
     B n - c n = (1 - g) ^ n * (B 0%nat - c 0%nat)
       + sum (seq 0 n) (fun j => g * (1 - g) ^ j * v (n - 1 - j)%nat + - (1 - g) ^ j * w (n - 1 - j)%nat))
  /\ (forall V, is_lim_seq (error_variance q r g V) (gain_error q r g))
  /\ P <= gain_error q r g /\ (gain_error q r g = P <-> g = P / (P + r)).
Proof.
  intros q r P g Hq HR HP E Hg. assert (Hd : 0 < g * (2 - g)) by nra.
  assert (Eq : q = P ^ 2 / (P + r)) by (rewrite E; field; lra).
  assert (X : gain_error q r g = P + (P + r) * (g - P / (P + r)) ^ 2 / (g * (2 - g))).
  { unfold gain_error. rewrite Eq. field. lra. }
  split; [| split; [| split]].
  - intros c B w v Hc HB. induction n as [|n IH]; [simpl; ring|].
    rewrite HB, Hc, sum_seq_first.
    rewrite (sum_ext _ (seq 0 n) _ (fun j => (1 - g)
      * (g * (1 - g) ^ j * v (n - 1 - j)%nat + - (1 - g) ^ j * w (n - 1 - j)%nat))).
    + rewrite sum_scale. replace (S n - 1 - 0)%nat with n by lia. simpl.
      replace (B n + g * (c n + v n - B n) - (c n + w n)) with ((1 - g) * (B n - c n) + g * v n - w n) by ring.
      rewrite IH. ring.
    + intros j Hj. replace (S n - 1 - S j)%nat with (n - 1 - j)%nat by lia. simpl. ring.
  - intros V. set (L := gain_error q r g).
    assert (Fix : L = (1 - g) ^ 2 * L + g ^ 2 * r + q) by (unfold L, gain_error; field; lra).
    apply (is_lim_seq_ext (fun n => L + (V - L) * ((1 - g) ^ 2) ^ n)).
    { assert (Sq : forall n, ((1 - g) ^ n) ^ 2 = ((1 - g) ^ 2) ^ n) by (intros; now rewrite <- !pow_mult, Nat.mul_comm).
      intros n. unfold error_variance.
      rewrite (sum_ext _ (seq 0 n) _ (fun j => (g ^ 2 * r + q) * ((1 - g) ^ 2) ^ j))
        by (intros; rewrite <- Sq; ring).
      rewrite sum_scale, Sq. induction n as [|n IH]; [simpl; ring|].
      rewrite sum_seq_last, <- tech_pow_Rmult.
      assert (K : L * (1 - (1 - g) ^ 2) = g ^ 2 * r + q) by lra. rewrite <- K in *. nra. }
    evar_last.
    { apply is_lim_seq_plus'; [apply is_lim_seq_const|].
      apply (is_lim_seq_scal_l _ (V - L) 0). apply is_lim_seq_geom. rewrite Rabs_pos_eq by apply pow2_ge_0.
      replace ((1 - g) ^ 2) with (1 - g * (2 - g)) by ring. lra. }
    simpl. f_equal. ring.
  - rewrite X. assert (0 <= (P + r) * (g - P / (P + r)) ^ 2 / (g * (2 - g))); [|lra].
    apply Rmult_le_pos; [apply Rmult_le_pos; [lra | apply pow2_ge_0] | left; now apply Rinv_0_lt_compat].
  - rewrite X. split; intros H.
    + assert (Z : (P + r) * (g - P / (P + r)) ^ 2 = 0).
      { replace ((P + r) * (g - P / (P + r)) ^ 2)
          with ((P + r) * (g - P / (P + r)) ^ 2 / (g * (2 - g)) * (g * (2 - g))) by (field; lra).
        replace ((P + r) * (g - P / (P + r)) ^ 2 / (g * (2 - g))) with 0 by lra. ring. }
      apply Rmult_integral in Z as [Z | Z]; [lra|].
      destruct (Req_dec (g - P / (P + r)) 0) as [D | D]; [lra|]. apply (pow_nonzero _ 2) in D. contradiction.
    + rewrite H at 1. unfold Rminus at 1. rewrite Rplus_opp_r. unfold Rdiv. ring.
Qed.

(** ** Windows *)

(** c i is the capability i batches ago, which moved by w (i + 1) since i + 1 batches ago; v i is the noise of the
    accuracy i batches ago. The belief is the mean accuracy of the last h batches. *)
Definition window (h : nat) (y : nat -> R) : R := sum (seq 1 h) y / INR h.

(** The weight of the j-th last move in the error of the belief. *)
Definition move_weight (h j : nat) : R := - (INR h - INR j + 1) / INR h.

Lemma window_moves : forall w h,
  sum (seq 1 h) (fun i => sum (seq 1 i) w) = sum (seq 1 h) (fun j => (INR h - INR j + 1) * w j).
Proof.
  intros w. induction h as [|h IH]; [reflexivity|]. rewrite seq_S, !sum_app, IH. cbn [sum Nat.add].
  rewrite seq_S, sum_app. cbn [sum Nat.add].
  rewrite (sum_ext _ (seq 1 h) (fun j => (INR (S h) - INR j + 1) * w j) (fun j => (INR h - INR j + 1) * w j + w j))
    by (intros; rewrite S_INR; ring).
  rewrite sum_plus. change (sum (seq 1 h) (fun a => w a)) with (sum (seq 1 h) w). rewrite S_INR. ring.
Qed.

(** The error is the stated sum of independent noises, and so its variance is q times the squares of the weights of the
    moves plus r times those of the noises, 1/h each: q (h+1)(2h+1)/(6h) + r/h. *)
Theorem anchor_window_error : forall h (c w v : nat -> R) q r, (1 <= h)%nat -> (forall i, c i = c (S i) + w (S i)) ->
  window h (fun i => c i + v i) - c 0%nat = sum (seq 1 h) (fun j => move_weight h j * w j) + sum (seq 1 h) (fun i => /
    INR h * v i)
  /\ q * sum (seq 1 h) (fun j => move_weight h j ^ 2) + r * sum (seq 1 h) (fun _ => (/ INR h) ^ 2)
     = q * (INR h + 1) * (2 * INR h + 1) / (6 * INR h) + r / INR h.
Proof.
  intros h c w v q r Hh Hc. assert (Hp : 0 < INR h) by (apply lt_0_INR; lia).
  assert (Hs : size (seq 1 h) = INR h) by (unfold size; now rewrite seq_length). split.
  - assert (Past : forall i, c i = c 0%nat - sum (seq 1 i) w).
    { induction i as [|i IH]; [simpl; ring|]. rewrite seq_S, sum_app. cbn [sum Nat.add]. rewrite (Hc i) in IH. lra. }
    unfold window, move_weight. rewrite sum_plus. change (sum (seq 1 h) (fun i => c i)) with (sum (seq 1 h) c).
    rewrite (sum_ext _ (seq 1 h) c (fun i => c 0%nat - sum (seq 1 i) w)) by (intros; apply Past).
    rewrite sum_minus, sum_const, window_moves, Hs.
    rewrite (sum_ext _ (seq 1 h) (fun j => - (INR h - INR j + 1) / INR h * w j)
      (fun j => - / INR h * ((INR h - INR j + 1) * w j))) by (intros; field; lra).
    rewrite !sum_scale. change (sum (seq 1 h) (fun a => v a)) with (sum (seq 1 h) v). field. lra.
  - assert (Sq : forall n, sum (seq 1 n) (fun j => (INR n - INR j + 1) ^ 2) = INR n * (INR n + 1) * (2 * INR n + 1) /
    6).
    { induction n as [|n IH]; [simpl; field|]. cbn [seq sum]. rewrite <- seq_shift, sum_map.
      rewrite (sum_ext _ (seq 1 n) _ (fun j => (INR n - INR j + 1) ^ 2)) by (intros; rewrite !S_INR; ring).
      rewrite IH, S_INR. simpl INR. field. }
    rewrite (sum_ext _ (seq 1 h) (fun j => move_weight h j ^ 2) (fun j => (/ INR h) ^ 2 * (INR h - INR j + 1) ^ 2))
      by (intros; unfold move_weight; field; lra).
    rewrite sum_scale, Sq, sum_const, Hs. field. lra.
Qed.

Definition window_variance (q r h : R) : R := q * (h + 1) * (2 * h + 1) / (6 * h) + r / h.

(** No window of h >= 1 tracks a random walk better than the Kalman filter, whose error variance P solves P^2 = q (P +
    r), and the one with h^2 = 1 + 4 r/q has less than 7/6 of its error variance. *)
Theorem anchor_window_loss : forall q r P h, 0 < q -> 0 <= r -> 0 < P -> P ^ 2 = q * (P + r) -> 1 <= h ->
  1 <= window_variance q r h / P /\ (h ^ 2 = 1 + 4 * r / q -> window_variance q r h / P < 7 / 6).
Proof.
  intros q r P h Hq HR HP E Hh. set (s := 2 * P / q - 1).
  assert (EP : P = q * (1 + s) / 2) by (unfold s; field; lra).
  assert (ER : r = q * (s ^ 2 - 1) / 4).
  { replace r with (P ^ 2 / q - P) by (rewrite E; field; lra). unfold s. field. lra. }
  assert (Hqp : q <= P) by nra.
  assert (Hs : 1 <= s).
  { unfold s. assert (1 <= P / q); [|lra]. apply Rmult_le_reg_r with q; [exact Hq|].
    replace (P / q * q) with P by (field; lra). lra. }
  assert (X : window_variance q r h = P + q * ((s - h) ^ 2 / (4 * h) + (h ^ 2 - 1) / (12 * h))).
  { unfold window_variance. rewrite ER, EP. field. lra. }
  split.
  - apply Rmult_le_reg_r with P; [exact HP|]. unfold Rdiv at 1. rewrite Rmult_assoc, Rinv_l by lra. rewrite X.
    assert (0 <= (s - h) ^ 2 / (4 * h)) by (apply Rmult_le_pos; [apply pow2_ge_0 | left; apply Rinv_0_lt_compat; lra]).
    assert (0 <= (h ^ 2 - 1) / (12 * h)) by (apply Rmult_le_pos; [nra | left; apply Rinv_0_lt_compat; lra]). nra.
  - intros H2. assert (Es : s = h).
    { assert (s ^ 2 = h ^ 2) by (rewrite H2, ER; field; lra). nra. }
    rewrite X, EP, Es. replace ((q * (1 + h) / 2 + q * ((h - h) ^ 2 / (4 * h) + (h ^ 2 - 1) / (12 * h))) / (q * (1 +
      h) / 2))
      with (7 / 6 - / (6 * h)) by (field; lra).
    assert (0 < / (6 * h)) by (apply Rinv_0_lt_compat; lra). lra.
Qed.
