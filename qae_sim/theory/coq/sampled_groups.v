(** Groups that are sampled from a policy, for every group size G and every finite number of arms.

    [expect pi G f] is the expectation of f over groups of G independent responses: a sum over all groups, each times
    the product of its responses' probabilities. A score is the derivative of log pi(a) along any direction of the
    policy's parameters; its mean is 0. *)

From Coq Require Import Reals List Lra Lia.
From Coquelicot Require Import Coquelicot.
From QAE Require Import finite_sums groups policies.
Import ListNotations.
Open Scope R_scope.

Section Expectation.

Context {X : Type}.
Variable arms : list X.

Fixpoint expect (pi : X -> R) (G : nat) (f : list X -> R) : R :=
  match G with
  | O => f []
  | S n => sum arms (fun a => pi a * expect pi n (fun g => f (a :: g)))
  end.

Lemma expect_ext : forall pi G f h, (forall g, length g = G -> f g = h g) -> expect pi G f = expect pi G h.
Proof.
  induction G as [|n IH]; intros f h H; simpl; [now apply H|].
  apply sum_ext. intros a _. f_equal. apply IH. intros g Hg. apply H. simpl. now rewrite Hg.
Qed.

Lemma expect_plus : forall pi G f h, expect pi G (fun g => f g + h g) = expect pi G f + expect pi G h.
Proof.
  induction G as [|n IH]; intros f h; simpl; [reflexivity|]. rewrite <- sum_plus. apply sum_ext. intros a _.
  rewrite IH. ring.
Qed.

Lemma expect_scale : forall pi G c f, expect pi G (fun g => c * f g) = c * expect pi G f.
Proof.
  induction G as [|n IH]; intros c f; simpl; [reflexivity|]. rewrite <- sum_scale. apply sum_ext. intros a _.
  rewrite IH. ring.
Qed.

Lemma expect_minus : forall pi G f h, expect pi G (fun g => f g - h g) = expect pi G f - expect pi G h.
Proof.
  intros. rewrite (expect_ext _ _ _ (fun g => f g + (-1) * h g)) by (intros; ring).
  rewrite expect_plus, expect_scale. ring.
Qed.

Lemma expect_const : forall pi G c, sum arms pi = 1 -> expect pi G (fun _ => c) = c.
Proof.
  intros pi G c H. induction G as [|n IH]; simpl; [reflexivity|].
  rewrite (sum_ext _ arms _ (fun a => pi a * c)) by (intros; now rewrite IH). rewrite sum_scale_right, H. ring.
Qed.

(** The sum of f over the responses of a group is G times the mean of f. *)
Lemma expect_sum : forall pi G f, sum arms pi = 1 -> expect pi G (fun g => sum g f) = INR G * mean arms pi f.
Proof.
  intros pi G f H. induction G as [|n IH]; [simpl; ring|].
  cbn [expect]. rewrite (sum_ext _ arms _ (fun a => pi a * f a + pi a * (INR n * mean arms pi f))).
  - rewrite sum_plus, sum_scale_right, H, S_INR. unfold mean. ring.
  - intros a _. cbn [sum]. rewrite expect_plus, expect_const, IH by exact H. ring.
Qed.

(** The product of the sums of f and h over a group. *)
Lemma expect_product : forall pi G f h, sum arms pi = 1 ->
  expect pi G (fun g => sum g f * sum g h)
  = INR G * mean arms pi (fun a => f a * h a) + INR G * (INR G - 1) * (mean arms pi f * mean arms pi h).
Proof.
  intros pi G f h H. induction G as [|n IH]; [simpl; ring|].
  cbn [expect].
  rewrite (sum_ext _ arms _ (fun a => pi a * (f a * h a)
     + (pi a * f a * (INR n * mean arms pi h) + (pi a * h a * (INR n * mean arms pi f)
     + pi a * (INR n * mean arms pi (fun a => f a * h a) + INR n * (INR n - 1) * (mean arms pi f * mean arms pi h)))))).
  - rewrite !sum_plus, !sum_scale_right, H, S_INR. fold (mean arms pi f). fold (mean arms pi h).
    fold (mean arms pi (fun a => f a * h a)). ring.
  - intros a _. cbn [sum].
    rewrite (expect_ext _ _ _ (fun g => (f a * h a + f a * sum g h) + (h a * sum g f + sum g f * sum g h)))
      by (intros; ring).
    rewrite !expect_plus, !expect_scale, !expect_sum, IH by exact H. rewrite expect_const by exact H. ring.
Qed.

(** ** A policy with parameters *)

(** A policy that depends on a parameter theta, near theta0: probabilities that add up to 1, and a score for each arm,
    the derivative of log pi(a), so that pi(a) changes at the rate pi(a) score(a). *)
Variables (pi : R -> X -> R) (theta0 : R) (score : X -> R).
Hypothesis Hsum : forall theta, sum arms (pi theta) = 1.
Hypothesis Hscore : forall a, is_derive (fun theta => pi theta a) theta0 (pi theta0 a * score a).

Let now := pi theta0.

Lemma mean_score : mean arms now score = 0.
Proof.
  assert (D : is_derive (fun theta => sum arms (fun a => pi theta a)) theta0 (mean arms now score)).
  { apply (derive_sum arms (fun a theta => pi theta a)). exact Hscore. }
  assert (Z : is_derive (fun theta => sum arms (fun a => pi theta a)) theta0 0).
  { apply (is_derive_ext (fun _ => 1)); [intros; symmetry; apply Hsum|].
    apply (is_derive_const (K := R_AbsRing) (V := R_NormedModule)). }
  rewrite <- (is_derive_unique _ _ _ D). now apply is_derive_unique.
Qed.

(** The success rate, or the mean of any rewards, changes at the rate E[r score]. *)
Lemma derive_mean : forall r, is_derive (fun theta => mean arms (pi theta) r) theta0 (mean arms now (fun a => r a *
  score a)).
Proof.
  intros r. evar_last.
  - apply (derive_sum arms (fun a theta => pi theta a * r a) (fun a => now a * score a * r a)). intros a.
    evar_last; [apply (is_derive_mult (fun theta => pi theta a) (fun _ => r a));
      [apply Hscore | apply (is_derive_const (K := R_AbsRing) (V := R_NormedModule)) | intros; apply Rmult_comm]|].
    unfold plus, mult, zero; simpl. unfold now. ring.
  - apply sum_ext. intros. ring.
Qed.

(** The expectation of a function h of the group changes at the rate E[h times the sum of the group's scores]. *)
Lemma derive_expect : forall G h,
  is_derive (fun theta => expect (pi theta) G h) theta0 (expect now G (fun g => h g * sum g score)).
Proof.
  induction G as [|n IH]; intros h.
  - cbn [expect sum]. rewrite Rmult_0_r. apply (is_derive_const (K := R_AbsRing) (V := R_NormedModule)).
  - cbn [expect]. evar_last.
    + apply (derive_sum arms (fun a theta => pi theta a * expect (pi theta) n (fun g => h (a :: g)))
        (fun a => now a * score a * expect now n (fun g => h (a :: g))
                  + now a * expect now n (fun g => h (a :: g) * sum g score))).
      intros a. apply (is_derive_mult (fun theta => pi theta a)); [apply Hscore | apply IH | intros; apply Rmult_comm].
    + apply sum_ext. intros a _. cbn [sum].
      rewrite (expect_ext now n (fun g => h (a :: g) * (score a + sum g score))
        (fun g => score a * h (a :: g) + h (a :: g) * sum g score)) by (intros; ring).
      rewrite expect_plus, expect_scale. ring.
Qed.

(** The gradient of one group, for the advantage of a response a in the group g. *)
Definition gradient (advantage : list X -> X -> R) (g : list X) : R :=
  sum g (fun a => advantage g a * score a) / size g.

(** RLOO's expected group gradient is the gradient of the mean reward: for every G >= 2, every finite policy and any
    rewards; for binary rewards the mean reward is the success rate. *)
Theorem estimators_rloo_unbiased : forall G r, (2 <= G)%nat ->
  is_derive (fun theta => mean arms (pi theta) r) theta0
    (expect now G (gradient (fun g a => rloo (map r g) (r a)))).
Proof.
  intros G r HG. evar_last; [apply derive_mean|]. symmetry.
  assert (Hn : 2 <= INR G) by (apply (le_INR 2); lia).
  rewrite (expect_ext _ _ _ (fun g => / (INR G - 1) * sum g (fun a => r a * score a)
    - / (INR G * (INR G - 1)) * (sum g r * sum g score))).
  - rewrite expect_minus, !expect_scale, expect_sum, expect_product by apply Hsum. fold now. rewrite mean_score.
    field. lra.
  - intros g Hg. unfold gradient, rloo, size. rewrite map_length, sum_map, Hg.
    change (sum g (fun a => r a)) with (sum g r).
    rewrite (sum_ext _ g _ (fun a => (INR G / (INR G - 1)) * (r a * score a) - (sum g r / (INR G - 1)) * score a))
      by (intros; field; lra).
    rewrite sum_minus, !sum_scale. field. lra.
Qed.

(** Dr. GRPO's expected group gradient is (G-1)/G times the gradient of the mean reward. *)
Theorem estimators_self_inclusion : forall G r, (1 <= G)%nat ->
  is_derive (fun theta => (INR G - 1) / INR G * mean arms (pi theta) r) theta0
    (expect now G (gradient (fun g a => dr_grpo (map r g) (r a)))).
Proof.
  intros G r HG. assert (Hn : 1 <= INR G) by (apply (le_INR 1); lia).
  evar_last; [apply (is_derive_scal _ _ ((INR G - 1) / INR G)), derive_mean|]. symmetry.
  rewrite (expect_ext _ _ _ (fun g => / INR G * sum g (fun a => r a * score a)
    - / (INR G * INR G) * (sum g r * sum g score))).
  - rewrite expect_minus, !expect_scale, expect_sum, expect_product by apply Hsum. fold now. rewrite mean_score.
    unfold scal; simpl; unfold mult; simpl. field. lra.
  - intros g Hg. unfold gradient, dr_grpo, average, size. rewrite map_length, sum_map, Hg.
    change (sum g (fun a => r a)) with (sum g r).
    rewrite (sum_ext _ g _ (fun a => r a * score a - (sum g r / INR G) * score a)) by (intros; ring).
    rewrite sum_minus, sum_scale. field. lra.
Qed.

(** Let b and b' be two baselines, sigma a scale and w a weight, functions of the group and so common to its responses,
    and g_b the sum over the group of w (r - b) / sigma times the score. Then E[g_b] - E[g_b'] is the gradient of
    E[w (b' - b) / sigma]. *)
Theorem estimators_baseline_difference : forall G (r : X -> R) (w sigma b b' : list X -> R),
  let g_of b := fun g => sum g (fun a => w g * ((r a - b g) / sigma g) * score a) in
  is_derive (fun theta => expect (pi theta) G (fun g => w g * (b' g - b g) / sigma g)) theta0
    (expect now G (g_of b) - expect now G (g_of b')).
Proof.
  intros G r w sigma b b' g_of. evar_last; [apply derive_expect|]. rewrite <- expect_minus. apply expect_ext.
  intros g _. unfold g_of. rewrite <- sum_minus, <- sum_scale. apply sum_ext. intros. unfold Rdiv. ring.
Qed.

(** ** On-policy objectives with the population's success rate *)

Section Objectives.

(** r is 1 for correct responses and 0 for wrong ones, p the success rate of the policy. *)
Variables (r : X -> R) (K : R).
Let p := mean arms now r.
Hypothesis Hp : 0 < p < 1.

(** Mean scores of correct and of wrong responses. *)
Definition gradient_correct : R := mean arms now (fun a => r a * score a) / p.
Definition gradient_wrong : R := mean arms now (fun a => (1 - r a) * score a) / (1 - p).

(** The gradients of Eq. 5, Eq. 6, and Eqs. 7 and 8, where one side is masked by the regime and the other is not. *)
Definition hard : R := if Rle_dec p (1 - K) then 1 else 0.
Definition easy : R := 1 - hard.
Definition objective_grpo : R := sqrt (p * (1 - p)) * (gradient_correct - gradient_wrong).
Definition objective_qae : R := hard * sqrt (p / (1 - p)) * gradient_correct - easy * sqrt ((1 - p) / p) *
  gradient_wrong.
Definition objective_pos_mask : R := hard * sqrt (p / (1 - p)) * gradient_correct - sqrt ((1 - p) / p) * gradient_wrong.
Definition objective_neg_mask : R := sqrt (p / (1 - p)) * gradient_correct - easy * sqrt ((1 - p) / p) * gradient_wrong.

(** The expected score is 0, and so a push towards correct responses is one away from wrong ones. *)
Lemma balance : p * gradient_correct + (1 - p) * gradient_wrong = 0.
Proof.
  unfold gradient_correct, gradient_wrong. rewrite <- mean_score. unfold mean.
  rewrite (sum_ext _ arms (fun a => now a * score a)
    (fun a => now a * (r a * score a) + now a * ((1 - r a) * score a))) by (intros; ring).
  rewrite sum_plus. field. lra.
Qed.

Lemma root_odds : sqrt (p / (1 - p)) = p / sqrt (p * (1 - p)) /\ sqrt ((1 - p) / p) = (1 - p) / sqrt (p * (1 - p))
  /\ 0 < sqrt (p * (1 - p)) /\ sqrt (p * (1 - p)) * sqrt (p * (1 - p)) = p * (1 - p).
Proof.
  assert (S : 0 < sqrt (p * (1 - p))) by (apply sqrt_lt_R0; nra).
  assert (Q : sqrt (p * (1 - p)) * sqrt (p * (1 - p)) = p * (1 - p)) by (apply sqrt_sqrt; nra).
  repeat split; auto.
  - replace (p / (1 - p)) with (p * p / (p * (1 - p))) by (field; lra).
    rewrite sqrt_div by nra. rewrite sqrt_square by lra. reflexivity.
  - replace ((1 - p) / p) with ((1 - p) * (1 - p) / (p * (1 - p))) by (field; lra).
    rewrite sqrt_div by nra. rewrite sqrt_square by lra. reflexivity.
Qed.

(** On-policy POS-MASK learns exactly twice as fast as QAE on hard queries and as fast on easy ones; NEG-MASK the
    reverse. *)
Theorem qae_masks_speed :
  objective_pos_mask = (1 + hard) * objective_qae /\ objective_neg_mask = (1 + easy) * objective_qae.
Proof.
  destruct root_odds as [E1 [E2 [E3 E4]]]. pose proof balance as B.
  unfold objective_pos_mask, objective_neg_mask, objective_qae. rewrite E1, E2. set (s := sqrt (p * (1 - p))) in *.
  assert (W : (1 - p) / s * gradient_wrong = - (p / s * gradient_correct)).
  { replace ((1 - p) / s * gradient_wrong) with ((1 - p) * gradient_wrong / s) by (field; lra).
    replace ((1 - p) * gradient_wrong) with (- (p * gradient_correct)) by lra. field. lra. }
  rewrite !(Rmult_assoc easy), !(Rmult_assoc hard), W.
  unfold easy, hard. destruct (Rle_dec p (1 - K)); split; ring.
Qed.

(** Refuted: that on-policy Eq. 6 changes the gradient of Eq. 5. The two are equal. *)
Theorem qae_on_policy_gradients_differ : objective_grpo = objective_qae.
Proof.
  destruct root_odds as [E1 [E2 [E3 E4]]]. pose proof balance as B.
  unfold objective_grpo, objective_qae. rewrite E1, E2. set (s := sqrt (p * (1 - p))) in *.
  assert (W : gradient_wrong = - (p * gradient_correct) / (1 - p)).
  { replace (- (p * gradient_correct)) with ((1 - p) * gradient_wrong) by lra. field. lra. }
  assert (L : s * (gradient_correct - gradient_wrong) = p / s * gradient_correct).
  { rewrite W. replace (s * (gradient_correct - - (p * gradient_correct) / (1 - p)))
      with (s * s * gradient_correct / (s * (1 - p))) by (field; lra).
    rewrite E4. field. lra. }
  rewrite L, W. unfold easy, hard. destruct (Rle_dec p (1 - K)); field; lra.
Qed.

End Objectives.

End Expectation.
