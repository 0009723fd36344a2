(** Groups of rewards: baselines and advantages.

    A group is a list of rewards, of any length. Where responses have scores too (a coordinate of the gradient of their
    log-probability), a group is a list of responses, and [reward] and [score] are functions of a response. *)

From Coq Require Import Reals List Lra Lia.
From QAE Require Import finite_sums.
Import ListNotations.
Open Scope R_scope.

(** ** Definitions *)

(** Mean and standard deviations of a group: the population's divides by G, the sample's by G - 1. *)
Definition average (r : list R) : R := sum r (fun x => x) / size r.
Definition squares (r : list R) : R := sum r (fun x => (x - average r) ^ 2).
Definition std (r : list R) : R := sqrt (squares r / size r).
Definition sample_std (r : list R) : R := sqrt (squares r / (size r - 1)).

Definition binary (r : list R) : Prop := forall x, In x r -> x = 0 \/ x = 1.

(** The share of rewards that are at most x, and the K-quantile: the smallest q at which that share reaches K. *)
Definition at_most (x y : R) : R := if Rle_dec y x then 1 else 0.
Definition share_at_most (r : list R) (x : R) : R := sum r (at_most x) / size r.
Definition is_quantile (K : R) (r : list R) (q : R) : Prop :=
  K <= share_at_most r q /\ forall x, K <= share_at_most r x -> q <= x.

(** The baseline of QAE's Eq. 4 for a group with success rate p. *)
Definition quantile_baseline (K p : R) : R := if Rle_dec p (1 - K) then 0 else 1.

(** Advantages of a reward x in the group r. *)
Definition dr_grpo (r : list R) (x : R) : R := x - average r.
Definition grpo (eps : R) (r : list R) (x : R) : R := (x - average r) / (std r + eps).
Definition rloo (r : list R) (x : R) : R := x - (sum r (fun y => y) - x) / (size r - 1).
Definition qae (eps : R) (r : list R) (q x : R) : R := (x - q) / (std r + eps).

(** ** Quantiles *)

Lemma quantile_unique : forall K r q q', is_quantile K r q -> is_quantile K r q' -> q = q'.
Proof. intros K r q q' [H1 H2] [H3 H4]. apply Rle_antisym; auto. Qed.

Lemma share_binary : forall r x, r <> [] -> binary r ->
  share_at_most r x = if Rle_dec 1 x then 1 else if Rle_dec 0 x then 1 - average r else 0.
Proof.
  intros r x Hr Hb. pose proof (size_pos _ r Hr). unfold share_at_most, average.
  assert (C : forall f, (forall y, In y r -> at_most x y = f y) -> sum r (at_most x) = sum r f)
    by (intros; now apply sum_ext).
  destruct (Rle_dec 1 x) as [H1 | H1]; [| destruct (Rle_dec 0 x) as [H0 | H0]].
  - rewrite (C (fun _ => 1)); [rewrite sum_const; field; lra|].
    intros y Hy. unfold at_most. destruct (Hb y Hy); subst; destruct Rle_dec; lra.
  - rewrite (C (fun y => 1 - y)); [rewrite sum_minus, sum_const; field; lra|].
    intros y Hy. unfold at_most. destruct (Hb y Hy); subst; destruct Rle_dec; lra.
  - rewrite (C (fun _ => 0)); [rewrite sum_const; field; lra|].
    intros y Hy. unfold at_most. destruct (Hb y Hy); subst; destruct Rle_dec; lra.
Qed.

(** For binary rewards the K-quantile is 0 if the success rate is at most 1 - K, and 1 otherwise. *)
Theorem qae_eq4 : forall r K, r <> [] -> binary r -> 0 < K < 1 ->
  is_quantile K r (quantile_baseline K (average r)).
Proof.
  intros r K Hr Hb HK. unfold quantile_baseline. split.
  - rewrite share_binary by assumption. repeat destruct Rle_dec; lra.
  - intros x. rewrite share_binary by assumption. repeat destruct Rle_dec; lra.
Qed.

Lemma quantile_is_baseline : forall r K b, r <> [] -> binary r -> 0 < K < 1 -> is_quantile K r b ->
  b = quantile_baseline K (average r).
Proof. intros r K b Hr Hb HK H. apply (quantile_unique K r); [exact H | now apply qae_eq4]. Qed.

(** Strictly increasing changes of all rewards change the quantile in the same way. *)
Lemma quantile_affine : forall K r q s c, 0 < s ->
  is_quantile K r q -> is_quantile K (map (fun x => s * x + c) r) (s * q + c).
Proof.
  intros K r q s c Hs [H1 H2].
  assert (E : forall x, share_at_most (map (fun x => s * x + c) r) (s * x + c) = share_at_most r x).
  { intros x. unfold share_at_most, size. rewrite sum_map, map_length. f_equal. apply sum_ext. intros y _.
    unfold at_most. destruct (Rle_dec (s * y + c) (s * x + c)), (Rle_dec y x); try reflexivity; exfalso; nra. }
  split; [now rewrite E|]. intros x Hx. replace x with (s * ((x - c) / s) + c) in * by (field; lra).
  rewrite E in Hx. specialize (H2 _ Hx). nra.
Qed.

(** Raising any rewards above the K-quantile leaves the quantile as it is, and raises the mean if any is raised. An
    entry (x, c) is a reward x that is raised by c. *)
Theorem qae_robust_quantile : forall K (l : list (R * R)) q,
  let r := map fst l in let raised := map (fun xc => fst xc + snd xc) l in
  (forall x c, In (x, c) l -> 0 <= c /\ (x <= q -> c = 0)) -> is_quantile K r q ->
  is_quantile K raised q /\ ((exists x c, In (x, c) l /\ 0 < c) -> average r < average raised).
Proof.
  intros K l q r raised Hc [H1 H2]. split; [split|].
  - enough (share_at_most raised q = share_at_most r q) by congruence.
    unfold share_at_most, raised, r, size. rewrite !sum_map, !map_length. f_equal. apply sum_ext.
    intros [x c] Hx. destruct (Hc x c Hx) as [Hc0 Hc1]. unfold at_most. simpl.
    destruct (Rle_dec (x + c) q), (Rle_dec x q); try reflexivity; exfalso;
      [lra | rewrite Hc1 in * by assumption; lra].
  - intros x Hx. apply H2. eapply Rle_trans; [exact Hx|].
    unfold share_at_most, raised, r, size. rewrite !sum_map, !map_length.
    destruct l as [|e l']; [simpl; lra|]. apply Rmult_le_compat_r.
    + left. apply Rinv_0_lt_compat. apply (size_pos _ (e :: l')). easy.
    + apply sum_le. intros [y c] Hy. destruct (Hc y c Hy) as [Hc0 _]. unfold at_most. simpl.
      destruct (Rle_dec (y + c) x), (Rle_dec y x); lra.
  - intros [x [c [Hx Hpos]]]. unfold average, raised, r, size. rewrite !sum_map, !map_length.
    assert (Hl : l <> []) by (intros ->; easy). pose proof (size_pos _ l Hl) as Hs. unfold size in Hs.
    apply Rmult_lt_compat_r; [now apply Rinv_0_lt_compat|]. rewrite sum_plus.
    change (sum l fst < sum l fst + sum l snd).
    assert (G : 0 <= sum l snd) by (apply sum_nonneg; intros [y d] Hy; simpl; now apply (Hc y d)).
    destruct G as [G | Z]; [lra|]. exfalso.
    cut (c = 0); [lra|]. change (snd (x, c) = 0).
    apply (sum_nonneg_zero _ l snd); auto. intros [y d] Hy. simpl. now apply (Hc y d).
Qed.

(** Subtracting their own K-quantile from a group's GRPO advantages gives QAE's. *)
Theorem qae_after_the_fact : forall K r q eps, 0 < std r + eps -> is_quantile K r q ->
  is_quantile K (map (grpo eps r) r) (grpo eps r q) /\ forall x, qae eps r q x = grpo eps r x - grpo eps r q.
Proof.
  intros K r q eps Hd Hq. split.
  - assert (E : forall x, grpo eps r x = / (std r + eps) * x + - average r / (std r + eps))
      by (intros; unfold grpo; field; lra).
    rewrite E. rewrite (map_ext _ _ E). apply quantile_affine; [now apply Rinv_0_lt_compat | exact Hq].
  - intros x. unfold qae, grpo. field. lra.
Qed.

(** Whether an advantage is above 0, and whether it is below. *)
Definition positive (x : R) : R := if Rlt_dec 0 x then 1 else 0.
Definition negative (x : R) : R := if Rlt_dec x 0 then 1 else 0.

(** Of one group, a lower K never lets fewer responses have a positive advantage, nor more a negative one; for any
    rewards. *)
Theorem qae_k_is_a_lever : forall K K' r q q' eps, K <= K' -> is_quantile K r q -> is_quantile K' r q' ->
  0 < std r + eps ->
  sum r (fun x => positive (qae eps r q x)) >= sum r (fun x => positive (qae eps r q' x))
  /\ sum r (fun x => negative (qae eps r q x)) <= sum r (fun x => negative (qae eps r q' x)).
Proof.
  intros K K' r q q' eps HK [_ H] [H' _] Hd. assert (q <= q') by (apply H; lra).
  assert (L : forall x, qae eps r q' x <= qae eps r q x).
  { intros x. unfold qae. apply Rmult_le_compat_r; [left; now apply Rinv_0_lt_compat | lra]. }
  split; [apply Rle_ge|]; apply sum_le; intros x _; specialize (L x); unfold positive, negative;
    repeat destruct Rlt_dec; lra.
Qed.

(** Whether an advantage is 0. *)
Definition is_zero (x : R) : R := if Req_EM_T x 0 then 1 else 0.

(** In every mixed group at least a share min(K, 1 - K) of the responses gets exactly zero. *)
Theorem qae_least_sparsity : forall r K b eps, r <> [] -> binary r -> 0 < K < 1 -> 0 < std r + eps ->
  is_quantile K r b -> Rmin K (1 - K) <= sum r (fun x => is_zero (qae eps r b x)) / size r.
Proof.
  intros r K b eps Hr Hb HK Hd Hq. pose proof (size_pos _ r Hr) as Hs. rewrite (quantile_is_baseline r K b) by
    assumption.
  assert (Z : forall x y, In x r -> y = 0 \/ y = 1 -> is_zero (qae eps r y x) = if Req_EM_T x y then 1 else 0).
  { intros x y Hx Hy. unfold is_zero, qae. destruct (Req_EM_T x y) as [-> | N].
    - destruct Req_EM_T as [|M]; [reflexivity|]. exfalso. apply M. field. lra.
    - destruct Req_EM_T as [M|]; [|reflexivity]. exfalso. apply N.
      apply Rmult_integral in M as [M | M]; [lra|]. apply Rinv_neq_0_compat in M; lra. }
  unfold quantile_baseline. destruct (Rle_dec (average r) (1 - K)).
  - rewrite (sum_ext _ r _ (fun x => 1 - x)).
    + rewrite sum_minus, sum_const. replace ((size r * 1 - sum r (fun x => x)) / size r) with (1 - average r)
        by (unfold average; field; lra). pose proof (Rmin_l K (1 - K)). lra.
    + intros x Hx. rewrite Z by auto. destruct (Hb x Hx) as [-> | ->]; destruct Req_EM_T; lra.
  - rewrite (sum_ext _ r _ (fun x => x)).
    + fold (average r). pose proof (Rmin_r K (1 - K)). lra.
    + intros x Hx. rewrite Z by auto. destruct (Hb x Hx) as [-> | ->]; destruct Req_EM_T; lra.
Qed.

(** ** What changes no advantage *)

(** The advantages of a group add up to zero under the mean (whatever they are divided by) and the leave-one-out mean.
    *)
Theorem estimators_sum_zero : forall r eps, r <> [] ->
  sum r (dr_grpo r) = 0 /\ sum r (grpo eps r) = 0 /\ (1 < size r -> sum r (rloo r) = 0).
Proof.
  intros r eps Hr. pose proof (size_pos _ r Hr).
  assert (D : sum r (dr_grpo r) = 0).
  { unfold dr_grpo. rewrite sum_minus, sum_const. unfold average. field. lra. }
  repeat split; [exact D | |].
  - unfold grpo. rewrite sum_divide. fold (dr_grpo r). change (sum r (dr_grpo r) / (std r + eps) = 0).
    rewrite D. apply Rmult_0_l.
  - intros H1. unfold rloo. rewrite sum_minus, sum_divide, sum_minus, sum_const. field. lra.
Qed.

Lemma average_affine : forall r s c, r <> [] -> average (map (fun x => s * x + c) r) = s * average r + c.
Proof.
  intros r s c Hr. pose proof (size_pos _ r Hr) as H. unfold average. rewrite sum_map.
  rewrite size_map.
  rewrite sum_plus, sum_scale, sum_const. field. lra.
Qed.

Lemma std_affine : forall r s c, r <> [] -> 0 <= s -> std (map (fun x => s * x + c) r) = s * std r.
Proof.
  intros r s c Hr Hs. pose proof (size_pos _ r Hr) as H. unfold std, squares. rewrite average_affine, sum_map by
    assumption.
  rewrite size_map.
  rewrite (sum_ext _ r _ (fun x => s ^ 2 * (x - average r) ^ 2)) by (intros; ring). rewrite sum_scale.
  unfold Rdiv. rewrite Rmult_assoc, sqrt_mult, sqrt_pow2; [reflexivity | assumption | apply pow2_ge_0 |].
  apply Rmult_le_pos; [apply sum_nonneg; intros; apply pow2_ge_0 | left; now apply Rinv_0_lt_compat].
Qed.

(** Adding a constant to all rewards changes no advantage: mean, leave-one-out mean, quantile. *)
Theorem estimators_shift : forall r c x eps, 1 < size r -> let r' := map (fun x => x + c) r in
  dr_grpo r' (x + c) = dr_grpo r x /\ grpo eps r' (x + c) = grpo eps r x /\ rloo r' (x + c) = rloo r x
  /\ forall K q, is_quantile K r q -> is_quantile K r' (q + c) /\ qae eps r' (q + c) (x + c) = qae eps r q x.
Proof.
  intros r c x eps H1 r'. assert (Hr : r <> []) by (intros ->; unfold size in H1; simpl in H1; lra).
  assert (E : r' = map (fun x => 1 * x + c) r) by (apply map_ext; intros; ring).
  assert (A : average r' = average r + c) by (rewrite E, average_affine by assumption; ring).
  assert (S : std r' = std r) by (rewrite E, std_affine by (assumption || lra); ring).
  repeat split.
  - unfold dr_grpo. rewrite A. ring.
  - unfold grpo. rewrite A, S. f_equal. ring.
  - unfold rloo. replace (size r') with (size r) by (unfold size, r'; now rewrite map_length).
    unfold r'. rewrite sum_map, sum_plus, sum_const. field. lra.
  - replace (q + c) with (1 * q + c) by ring. rewrite E. apply quantile_affine; [lra | now split; apply H].
  - intros y Hy. replace (q + c) with (1 * q + c) by ring. rewrite E in Hy. revert y Hy.
    apply (quantile_affine K r q 1 c); [lra | exact H].
  - unfold qae. rewrite S. f_equal. ring.
Qed.

(** Multiplying all rewards by a positive number changes no advantage that is divided by the standard deviation. *)
Theorem estimators_scale : forall r s x, 0 < s -> 0 < std r -> let r' := map (fun x => s * x) r in
  grpo 0 r' (s * x) = grpo 0 r x
  /\ forall K q, is_quantile K r q -> is_quantile K r' (s * q) /\ qae 0 r' (s * q) (s * x) = qae 0 r q x.
Proof.
  intros r s x Hs Hd r'.
  assert (Hr : r <> []).
  { intros ->. revert Hd. unfold std, squares. simpl. unfold Rdiv. rewrite Rmult_0_l, sqrt_0. lra. }
  assert (E : r' = map (fun x => s * x + 0) r) by (apply map_ext; intros; ring).
  assert (A : average r' = s * average r) by (rewrite E, average_affine by assumption; ring).
  assert (S : std r' = s * std r) by (rewrite E; apply std_affine; [assumption | lra]).
  split; [| intros K q H; split].
  - unfold grpo. rewrite A, S. field. split; nra.
  - replace (s * q) with (s * q + 0) by ring. rewrite E. now apply quantile_affine.
  - unfold qae. rewrite S. field. split; nra.
Qed.

(** A group of equal rewards gets zero advantages. *)
Theorem estimators_equal_rewards : forall r v eps, 1 < size r -> (forall x, In x r -> x = v) ->
  dr_grpo r v = 0 /\ grpo eps r v = 0 /\ rloo r v = 0
  /\ forall K q, 0 < K <= 1 -> is_quantile K r q -> qae eps r q v = 0.
Proof.
  intros r v eps H1 H. assert (Hs : sum r (fun x => x) = size r * v).
  { rewrite <- sum_const. apply sum_ext. exact H. }
  assert (A : average r = v) by (unfold average; rewrite Hs; field; lra).
  assert (F : forall q, share_at_most r q = at_most q v).
  { intros q. unfold share_at_most. rewrite (sum_ext _ r _ (fun _ => at_most q v)).
    - rewrite sum_const. field. lra.
    - intros x Hx. now rewrite (H x Hx). }
  repeat split.
  - unfold dr_grpo. lra.
  - unfold grpo. rewrite A. unfold Rdiv. rewrite Rminus_diag_eq by reflexivity. apply Rmult_0_l.
  - unfold rloo. rewrite Hs. field. lra.
  - intros K q HK [Q1 Q2]. rewrite F in Q1. specialize (Q2 v). rewrite F in Q2. unfold at_most in *.
    unfold qae. replace q with v; [unfold Rdiv; rewrite Rminus_diag_eq by reflexivity; apply Rmult_0_l|].
    apply Rle_antisym.
    + destruct (Rle_dec v q); lra.
    + apply Q2. destruct (Rle_dec v v); lra.
Qed.

(** ** Binary groups: query weights *)

Section Scores.

Context {Y : Type}.
Variables (g : list Y) (reward score : Y -> R).

Definition rewards : list R := map reward g.

(** Mean scores of the correct and of the wrong responses, and the group's gradient for an advantage of each response.
    *)
Definition score_correct : R := sum g (fun o => reward o * score o) / sum g reward.
Definition score_wrong : R := sum g (fun o => (1 - reward o) * score o) / sum g (fun o => 1 - reward o).
Definition group_gradient (advantage : R -> R) : R := sum g (fun o => advantage (reward o) * score o) / size g.

Hypothesis Hbinary : binary rewards.
Hypothesis Hmixed : 0 < average rewards < 1.

Let p := average rewards.

Lemma group_nonempty : 0 < size g.
Proof.
  apply size_pos. intros E. destruct Hmixed as [H _]. revert H. unfold average, rewards. rewrite E. simpl.
  unfold Rdiv. rewrite Rmult_0_l. lra.
Qed.

Lemma rewards_nonempty : rewards <> [].
Proof.
  intros E. pose proof group_nonempty as H. rewrite <- (size_map _ _ reward) in H. fold rewards in H. rewrite E in H.
  unfold size in H. simpl in H. lra.
Qed.

Lemma successes : sum g reward = size g * p.
Proof.
  pose proof group_nonempty. unfold p, average, rewards. rewrite sum_map, size_map.
  change (sum g (fun a => reward a)) with (sum g reward). field. lra.
Qed.

Lemma failures : sum g (fun o => 1 - reward o) = size g * (1 - p).
Proof. rewrite sum_minus, sum_const, successes. ring. Qed.

Lemma std_binary : std rewards = sqrt (p * (1 - p)).
Proof.
  pose proof group_nonempty. unfold std, squares. f_equal. fold p. unfold rewards. rewrite sum_map.
  rewrite size_map.
  rewrite (sum_ext _ g _ (fun o => (1 - 2 * p) * reward o + p ^ 2)).
  - rewrite sum_plus, sum_scale, sum_const, successes. field. lra.
  - intros o Ho. destruct (Hbinary (reward o)) as [-> | ->]; [now apply in_map | ring | ring].
Qed.

Lemma std_pos : 0 < sqrt (p * (1 - p)).
Proof. apply sqrt_lt_R0. unfold p. nra. Qed.

Lemma std_square : sqrt (p * (1 - p)) * sqrt (p * (1 - p)) = p * (1 - p).
Proof. apply sqrt_sqrt. unfold p. nra. Qed.

Lemma odds : sqrt (p / (1 - p)) = p / sqrt (p * (1 - p)).
Proof.
  pose proof std_pos. assert (0 < p < 1) by exact Hmixed. apply Rsqr_inj; [apply sqrt_pos | |].
  - left. apply Rdiv_lt_0_compat; lra.
  - rewrite Rsqr_sqrt by (left; apply Rdiv_lt_0_compat; lra). unfold Rsqr.
    replace (p / sqrt (p * (1 - p)) * (p / sqrt (p * (1 - p))))
      with (p * p / (sqrt (p * (1 - p)) * sqrt (p * (1 - p)))) by (field; lra).
    rewrite std_square. field. lra.
Qed.

Lemma odds_against : sqrt ((1 - p) / p) = (1 - p) / sqrt (p * (1 - p)).
Proof.
  pose proof std_pos. assert (0 < p < 1) by exact Hmixed. apply Rsqr_inj; [apply sqrt_pos | |].
  - left. apply Rdiv_lt_0_compat; lra.
  - rewrite Rsqr_sqrt by (left; apply Rdiv_lt_0_compat; lra). unfold Rsqr.
    replace ((1 - p) / sqrt (p * (1 - p)) * ((1 - p) / sqrt (p * (1 - p))))
      with ((1 - p) * (1 - p) / (sqrt (p * (1 - p)) * sqrt (p * (1 - p)))) by (field; lra).
    rewrite std_square. field. lra.
Qed.

(** GRPO's group gradient is sqrt(p(1-p)) times the difference of the mean scores of correct and wrong responses. *)
Theorem qae_eq5 : group_gradient (grpo 0 rewards) = sqrt (p * (1 - p)) * (score_correct - score_wrong).
Proof.
  pose proof group_nonempty. pose proof std_pos. assert (0 < p < 1) by exact Hmixed.
  unfold group_gradient, grpo, score_correct, score_wrong. rewrite successes, failures, std_binary. fold p.
  set (sd := sqrt (p * (1 - p))) in *. set (wins := sum g (fun o => reward o * score o)).
  set (losses := sum g (fun o => (1 - reward o) * score o)).
  rewrite (sum_ext _ g _ (fun o => ((1 - p) * (reward o * score o) - p * ((1 - reward o) * score o)) / sd))
    by (intros; field; lra).
  rewrite sum_divide, sum_minus, !sum_scale. fold wins losses.
  replace (sd * (wins / (size g * p) - losses / (size g * (1 - p))))
    with (sd * sd * ((1 - p) * wins - p * losses) / (p * (1 - p)) / sd / size g) by (field; lra).
  unfold sd at 2 3. rewrite std_square. field. lra.
Qed.

(** QAE's group gradient is sqrt(p/(1-p)) times the mean score of the successes on hard queries, and -sqrt((1-p)/p)
    times that of the failures on easy ones. *)
Theorem qae_prop4_1 : forall K b, 0 < K < 1 -> is_quantile K rewards b ->
  (p <= 1 - K -> group_gradient (qae 0 rewards b) = sqrt (p / (1 - p)) * score_correct)
  /\ (p > 1 - K -> group_gradient (qae 0 rewards b) = - sqrt ((1 - p) / p) * score_wrong).
Proof.
  intros K b HK Hq. pose proof group_nonempty as Hg. pose proof std_pos. assert (0 < p < 1) by exact Hmixed.
  rewrite (quantile_is_baseline rewards K b) by auto using rewards_nonempty.
  unfold group_gradient, qae, score_correct, score_wrong. rewrite successes, failures, std_binary, odds, odds_against.
  fold p. unfold quantile_baseline. split; intros Hp; destruct (Rle_dec p (1 - K)); try lra.
  - rewrite (sum_ext _ g _ (fun o => (reward o * score o) / sqrt (p * (1 - p)))) by (intros; field; lra).
    rewrite sum_divide. field. lra.
  - rewrite (sum_ext _ g _ (fun o => ((1 - reward o) * score o) * (- / sqrt (p * (1 - p))))) by (intros; field; lra).
    rewrite sum_scale_right. field. lra.
Qed.

(** On hard queries QAE's advantage of a success is 1/(1-p) times GRPO's: at least 1 and at most 1/K times. *)
Theorem qae_amplification : forall K b eps, 0 < K < 1 -> is_quantile K rewards b -> 0 <= eps -> p <= 1 - K ->
  qae eps rewards b 1 / grpo eps rewards 1 = 1 / (1 - p) /\ 1 <= 1 / (1 - p) <= 1 / K.
Proof.
  intros K b eps HK Hq He Hp. pose proof group_nonempty as Hg. pose proof std_pos. assert (0 < p < 1) by exact Hmixed.
  rewrite (quantile_is_baseline rewards K b) by auto using rewards_nonempty.
  unfold qae, grpo, quantile_baseline. rewrite std_binary. fold p. destruct (Rle_dec p (1 - K)); [|lra]. split.
  - field. lra.
  - unfold Rdiv. rewrite !Rmult_1_l. split.
    + rewrite <- Rinv_1 at 1. apply Rinv_le_contravar; lra.
    + apply Rinv_le_contravar; lra.
Qed.

(** Whether the group's query counts as hard, and QAE's masks: POS-MASK gates the successes and keeps all failures,
    NEG-MASK gates the failures and keeps all successes; each response that is left has 1/std or -1/std. *)
Definition is_hard (K : R) : R := if Rle_dec p (1 - K) then 1 else 0.
Definition pos_mask (K x : R) : R := (is_hard K * x - (1 - x)) / std rewards.
Definition neg_mask (K x : R) : R := (x - (1 - is_hard K) * (1 - x)) / std rewards.

(** The group gradients of POS-MASK and NEG-MASK are those of Eqs. 7 and 8: sqrt(p/(1-p)) times the mean score of the
    successes less sqrt((1-p)/p) times that of the failures, the first only on hard queries, or the second only on easy
    ones. *)
Theorem qae_masks : forall K,
  group_gradient (pos_mask K) = is_hard K * sqrt (p / (1 - p)) * score_correct - sqrt ((1 - p) / p) * score_wrong
  /\ group_gradient (neg_mask K)
     = sqrt (p / (1 - p)) * score_correct - (1 - is_hard K) * sqrt ((1 - p) / p) * score_wrong.
Proof.
  intros K. pose proof group_nonempty as Hg. pose proof std_pos. assert (0 < p < 1) by exact Hmixed.
  assert (E : forall u v, sum g (fun o => (u * reward o - v * (1 - reward o)) / std rewards * score o) / size g
    = u * sqrt (p / (1 - p)) * score_correct - v * sqrt ((1 - p) / p) * score_wrong).
  { intros u v. unfold score_correct, score_wrong. rewrite successes, failures, std_binary, odds, odds_against. fold p.
    rewrite (sum_ext _ g _ (fun o => (u / sqrt (p * (1 - p))) * (reward o * score o)
      - (v / sqrt (p * (1 - p))) * ((1 - reward o) * score o))) by (intros; field; lra).
    rewrite sum_minus, !sum_scale. field. lra. }
  unfold group_gradient, pos_mask, neg_mask. split.
  - rewrite <- (Rmult_1_l (sqrt ((1 - p) / p))), <- E. f_equal. apply sum_ext. intros. f_equal. f_equal. ring.
  - rewrite <- (Rmult_1_l (sqrt (p / (1 - p)))), <- E. f_equal. apply sum_ext. intros. f_equal. f_equal. ring.
Qed.

End Scores.

(** With one success among ten and K = .4 QAE's advantage of every failure is exactly 0, and that of the success is
    above 0. *)
Theorem digest_losers_ignored : forall r q, binary r -> size r = 10 -> sum r (fun x => x) = 1 -> is_quantile (4 / 10) r q ->
  qae 0 r q 0 = 0 /\ 0 < qae 0 r q 1.
Proof.
  intros r q Hb Hs H1 Hq. assert (Hr : r <> []) by (intros ->; unfold size in Hs; simpl in Hs; lra).
  assert (A : average r = 1 / 10) by (unfold average; rewrite H1, Hs; reflexivity).
  rewrite (quantile_is_baseline r (4 / 10) q) by (assumption || lra). unfold quantile_baseline.
  destruct Rle_dec as [_ | N]; [|lra]. unfold qae. rewrite Rplus_0_r.
  assert (D : std r = sqrt (9 / 100)).
  { unfold std, squares. f_equal. rewrite A, Hs.
    rewrite (sum_ext _ r _ (fun x => 8 / 10 * x + 1 / 100)).
    - rewrite sum_plus, sum_scale, sum_const, H1, Hs. field.
    - intros x Hx. destruct (Hb x Hx) as [-> | ->]; field. }
  rewrite D. assert (0 < sqrt (9 / 100)) by (apply sqrt_lt_R0; lra). split.
  - unfold Rdiv at 1. rewrite Rminus_0_r. apply Rmult_0_l.
  - apply Rdiv_lt_0_compat; lra.
Qed.

(** With nine successes among ten and K = .4 QAE's advantage of every success is exactly 0, and that of the failure is
    below 0. *)
Theorem digest_winners_ignored : forall r q, binary r -> size r = 10 -> sum r (fun x => x) = 9 -> is_quantile (4 / 10) r q ->
  qae 0 r q 1 = 0 /\ qae 0 r q 0 < 0.
Proof.
  intros r q Hb Hs H9 Hq. assert (Hr : r <> []) by (intros ->; unfold size in Hs; simpl in Hs; lra).
  assert (A : average r = 9 / 10) by (unfold average; rewrite H9, Hs; reflexivity).
  rewrite (quantile_is_baseline r (4 / 10) q) by (assumption || lra). unfold quantile_baseline.
  destruct Rle_dec as [N | _]; [lra|]. unfold qae. rewrite Rplus_0_r.
  assert (D : std r = sqrt (9 / 100)).
  { unfold std, squares. f_equal. rewrite A, Hs.
    rewrite (sum_ext _ r _ (fun x => - (8 / 10) * x + 81 / 100)).
    - rewrite sum_plus, sum_scale, sum_const, H9, Hs. field.
    - intros x Hx. destruct (Hb x Hx) as [-> | ->]; field. }
  rewrite D. assert (0 < sqrt (9 / 100)) by (apply sqrt_lt_R0; lra). split.
  - unfold Rdiv at 1. rewrite Rminus_diag_eq by reflexivity. apply Rmult_0_l.
  - enough (0 < 1 / sqrt (9 / 100)) by (unfold Rdiv in *; lra). apply Rdiv_lt_0_compat; lra.
Qed.

(** The sample standard deviation multiplies every advantage, and so Eqs. 5 and 6, by sqrt((G-1)/G). *)
Theorem qae_ddof_factor : forall r, 1 < size r -> 0 < squares r ->
  std r / sample_std r = sqrt ((size r - 1) / size r)
  /\ forall x b, (x - b) / sample_std r = sqrt ((size r - 1) / size r) * ((x - b) / std r).
Proof.
  intros r H1 Hs. assert (0 < std r) by (apply sqrt_lt_R0, Rdiv_lt_0_compat; lra).
  assert (0 < sample_std r) by (apply sqrt_lt_R0, Rdiv_lt_0_compat; lra).
  assert (E : std r / sample_std r = sqrt ((size r - 1) / size r)).
  { unfold std, sample_std. rewrite <- sqrt_div_alt by (apply Rdiv_lt_0_compat; lra). f_equal. field. lra. }
  split; [exact E|]. intros x b. rewrite <- E. field. lra.
Qed.

(** ** Other estimators *)

(** CANON's advantage of a reward x, whose half of the group is [own]: compared with the other half and with its own. *)
Definition canon (mu : R) (own other : list R) (x : R) : R := mu * (x - average other) + (1 - mu) * (x - average own).

(** With mu = 1/2 and halves of equal size CANON's advantages are Dr. GRPO's in both halves, however a metric has
    divided the group. *)
Theorem canon_dr_grpo : forall low high x, low <> [] -> size low = size high ->
  canon (1 / 2) low high x = dr_grpo (low ++ high) x /\ canon (1 / 2) high low x = dr_grpo (low ++ high) x.
Proof.
  intros low high x Hl Hs. pose proof (size_pos _ low Hl). unfold canon, dr_grpo, average. rewrite sum_app.
  replace (size (low ++ high)) with (size low + size high) by (unfold size; rewrite app_length, plus_INR; reflexivity).
  rewrite <- Hs. split; field; lra.
Qed.

(** The squared length of the sum of the responses' scores times their advantages, from the scores' inner products. *)
Definition squared_norm {Y : Type} (g : list Y) (inner : Y -> Y -> R) (advantage : Y -> R) : R :=
  sum g (fun o => sum g (fun o' => advantage o * advantage o' * inner o o')).

Lemma squared_norm_orthogonal : forall (Y : Type) (g : list Y) inner advantage, NoDup g ->
  (forall o o', In o g -> In o' g -> o <> o' -> inner o o' = 0) ->
  squared_norm g inner advantage = sum g (fun o => inner o o * advantage o ^ 2).
Proof.
  intros Y g inner advantage Hd H. unfold squared_norm. apply sum_ext. intros o Ho.
  set (f := fun o' => advantage o * advantage o' * inner o o').
  assert (None : forall l, incl l g -> ~ In o l -> sum l f = 0).
  { intros l Hi No. rewrite (sum_ext _ l f (fun _ => 0)); [rewrite sum_const; ring|]. intros c Hc. unfold f.
    rewrite H; [ring | assumption | now apply Hi |]. now intros ->. }
  assert (One : forall l, NoDup l -> incl l g -> In o l -> sum l f = f o).
  { induction l as [|c l IH]; intros Hl Hi Hin; [easy|]. inversion Hl; subst. cbn [sum].
    assert (Hr : incl l g) by (intros y Hy; apply Hi; now right). destruct Hin as [-> | Hin].
    - rewrite None by assumption. ring.
    - rewrite IH by assumption. unfold f at 1. rewrite H; [ring | assumption | apply Hi; now left |]. now intros ->. }
  rewrite (One g) by easy. unfold f. ring.
Qed.

(** Let the scores of different responses be orthogonal and their squares be the lengths l of the responses. Then no
    baseline gives a group's gradient a smaller square than the mean of the rewards weighted by l. *)
Theorem opo_least_variance : forall (Y : Type) (g : list Y) inner (len r : Y -> R) b, g <> [] -> NoDup g ->
  (forall o, 0 < len o) -> (forall o, In o g -> inner o o = len o) ->
  (forall o o', In o g -> In o' g -> o <> o' -> inner o o' = 0) ->
  let best := sum g (fun o => len o * r o) / sum g len in
  squared_norm g inner (fun o => r o - best) <= squared_norm g inner (fun o => r o - b).
Proof.
  intros Y g inner len r b Hg Hd Hl Hn Ho best. assert (0 < sum g len) by (apply sum_pos; auto).
  rewrite !squared_norm_orthogonal by assumption.
  assert (E : forall c, sum g (fun o => inner o o * (r o - c) ^ 2)
     = sum g (fun o => len o * r o ^ 2) - 2 * c * (best * sum g len) + c ^ 2 * sum g len).
  { intros c. replace (best * sum g len) with (sum g (fun o => len o * r o)) by (unfold best; field; lra).
    rewrite <- !sum_scale, <- sum_minus, <- sum_plus. apply sum_ext. intros o Hi. rewrite Hn by exact Hi. ring. }
  rewrite !E. assert (0 <= (b - best) ^ 2 * sum g len) by (apply Rmult_le_pos; [apply pow2_ge_0 | lra]). nra.
Qed.
