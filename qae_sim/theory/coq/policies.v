(** Policies over finitely many arms: entropy, covariance, and what a baseline does to the first-order entropy change.

    [arms] is any list without any assumption but that it is not empty. A policy gives each arm a positive probability,
    and a softmax policy is made of logits. The update of the QAE paper is dz = eta pi (r - b): its first-order entropy
    change is eta times the derivative at 0 of the entropy of the logits z + t pi (r - b). *)

From Coq Require Import Reals List Lra Lia.
From Coquelicot Require Import Coquelicot.
From QAE Require Import finite_sums groups.
Import ListNotations.
Open Scope R_scope.

Section Policies.

Context {X : Type}.
Variable arms : list X.

(** The mean of f under pi, and the covariance of f and g. *)
Definition mean (pi f : X -> R) : R := sum arms (fun a => pi a * f a).
Definition cov (pi f g : X -> R) : R := mean pi (fun a => f a * g a) - mean pi f * mean pi g.

Definition policy (pi : X -> R) : Prop := (forall a, 0 < pi a) /\ sum arms pi = 1.
Definition uniform (pi : X -> R) : Prop := forall a c, In a arms -> In c arms -> pi a = pi c.

Definition entropy (pi : X -> R) : R := - mean pi (fun a => ln (pi a)).
Definition total (z : X -> R) : R := sum arms (fun a => exp (z a)).
Definition softmax (z : X -> R) (a : X) : R := exp (z a) / total z.

(** ** Covariances *)

(** Sum over pairs, before the probabilities add up to 1. *)
Lemma pairs_of_weights : forall (w f g : X -> R) l,
  sum_pairs l (fun a c => w a * w c * ((f a - f c) * (g a - g c)))
  = sum l w * sum l (fun a => w a * (f a * g a)) - sum l (fun a => w a * f a) * sum l (fun a => w a * g a).
Proof.
  intros w f g. induction l as [|a l IH]; simpl; [lra|]. rewrite IH.
  assert (H : sum l (fun c => w a * w c * ((f a - f c) * (g a - g c)))
    = w a * (f a * g a) * sum l w - w a * f a * sum l (fun c => w c * g c)
      - w a * g a * sum l (fun c => w c * f c) + w a * sum l (fun c => w c * (f c * g c))).
  { rewrite <- !sum_scale, <- !sum_minus, <- sum_plus. apply sum_ext. intros. ring. }
  rewrite H. ring.
Qed.

Lemma cov_pairs : forall pi f g, sum arms pi = 1 ->
  cov pi f g = sum_pairs arms (fun a c => pi a * pi c * ((f a - f c) * (g a - g c))).
Proof. intros pi f g H. rewrite pairs_of_weights, H. unfold cov, mean. ring. Qed.

Lemma cov_minus_right : forall pi f g h, cov pi f (fun a => g a - h a) = cov pi f g - cov pi f h.
Proof.
  intros. unfold cov, mean.
  rewrite (sum_ext _ arms _ (fun a => pi a * (f a * g a) - pi a * (f a * h a))) by (intros; ring).
  rewrite (sum_ext _ arms (fun a => pi a * (g a - h a)) (fun a => pi a * g a - pi a * h a)) by (intros; ring).
  rewrite !sum_minus. ring.
Qed.

Lemma cov_scale_right : forall pi f g c, cov pi f (fun a => c * g a) = c * cov pi f g.
Proof.
  intros. unfold cov, mean.
  rewrite (sum_ext _ arms _ (fun a => c * (pi a * (f a * g a)))) by (intros; ring).
  rewrite (sum_ext _ arms (fun a => pi a * (c * g a)) (fun a => c * (pi a * g a))) by (intros; ring).
  rewrite !sum_scale. ring.
Qed.

Lemma cov_ext : forall pi f f' g g', (forall a, f a = f' a) -> (forall a, g a = g' a) ->
  cov pi f g = cov pi f' g'.
Proof.
  intros pi f f' g g' Hf Hg. unfold cov, mean. f_equal; [|f_equal]; apply sum_ext; intros; rewrite ?Hf, ?Hg; ring.
Qed.

Lemma cov_const_right : forall pi f c, sum arms pi = 1 -> cov pi f (fun _ => c) = 0.
Proof.
  intros pi f c H. unfold cov, mean. rewrite sum_scale_right, H.
  rewrite (sum_ext _ arms _ (fun a => (pi a * f a) * c)) by (intros; ring). rewrite sum_scale_right. ring.
Qed.

Lemma cov_const_left : forall pi g c, sum arms pi = 1 -> cov pi (fun _ => c) g = 0.
Proof.
  intros pi g c H. unfold cov, mean. rewrite sum_scale_right, H.
  rewrite (sum_ext _ arms _ (fun a => c * (pi a * g a))) by (intros; ring). rewrite sum_scale. ring.
Qed.

Lemma log_order : forall x y, 0 < x -> 0 < y -> 0 <= (ln x - ln y) * (x - y).
Proof.
  intros x y Hx Hy. destruct (Rtotal_order x y) as [H | [-> | H]]; [| lra |].
  - apply ln_increasing in H as L; [|lra]. nra.
  - apply ln_increasing in H as L; [|lra]. nra.
Qed.

Lemma log_order_zero : forall x y, 0 < x -> 0 < y -> (ln x - ln y) * (x - y) = 0 -> x = y.
Proof.
  intros x y Hx Hy E. destruct (Rtotal_order x y) as [H | [-> | H]]; [| lra |].
  - apply ln_increasing in H as L; [|lra]. nra.
  - apply ln_increasing in H as L; [|lra]. nra.
Qed.

(** Cov(log pi, pi) is the stated sum over pairs of arms, is positive unless pi is uniform, and 0 if it is. *)
Theorem qae_covariance_positive : forall pi, policy pi ->
  let c := cov pi (fun a => ln (pi a)) pi in
  c = sum_pairs arms (fun a c => pi a * pi c * ((ln (pi a) - ln (pi c)) * (pi a - pi c)))
  /\ (~ uniform pi -> 0 < c) /\ (uniform pi -> c = 0).
Proof.
  intros pi [Hpos Hsum] c. assert (Hc : c = _) by (apply cov_pairs; exact Hsum).
  set (f := fun a c => pi a * pi c * ((ln (pi a) - ln (pi c)) * (pi a - pi c))) in *.
  assert (Hf : forall a c, 0 <= f a c).
  { intros a d. unfold f. apply Rmult_le_pos; [left; apply Rmult_lt_0_compat; auto | now apply log_order]. }
  assert (Hz : forall a, f a a = 0) by (intros; unfold f; ring).
  split; [exact Hc | split].
  - intros Hn. pose proof (sum_pairs_nonneg _ arms f Hf). rewrite Hc.
    destruct (Req_dec (sum_pairs arms f) 0) as [E | N]; [exfalso | lra]. apply Hn. intros a d Ha Hd.
    apply log_order_zero; auto. assert (Z : f a d = 0).
    { apply (sum_pairs_zero _ arms f); auto. intros; unfold f; ring. }
    unfold f in Z. apply Rmult_integral in Z as [Z | Z]; [|assumption].
    pose proof (Rmult_lt_0_compat _ _ (Hpos a) (Hpos d)). lra.
  - intros Hu. rewrite Hc. clear Hc c. assert (L : forall l, incl l arms -> sum_pairs l f = 0).
    { induction l as [|a l IH]; intros Hl; simpl; [reflexivity|]. rewrite IH.
      - rewrite (sum_ext _ l (f a) (fun _ => 0)); [rewrite sum_const; ring|].
        intros d Hd. unfold f. rewrite (Hu a d); [ring | |]; apply Hl; [now left | now right].
      - intros d Hd. apply Hl. now right. }
    apply L. intros a Ha. exact Ha.
Qed.

(** ** The entropy of a softmax policy *)

Hypothesis some_arm : arms <> [].

Lemma total_pos : forall z, 0 < total z.
Proof. intros. apply sum_pos; [exact some_arm | intros; apply exp_pos]. Qed.

Lemma softmax_policy : forall z, policy (softmax z).
Proof.
  intros z. pose proof (total_pos z). split.
  - intros a. apply Rdiv_lt_0_compat; [apply exp_pos | assumption].
  - unfold softmax. rewrite sum_divide. fold (total z). field. lra.
Qed.

Lemma ln_softmax : forall z a, ln (softmax z a) = z a - ln (total z).
Proof.
  intros. pose proof (total_pos z). unfold softmax, Rdiv.
  rewrite ln_mult, ln_exp, ln_Rinv; [ring | assumption | apply exp_pos | now apply Rinv_0_lt_compat].
Qed.

(** H = log total - (sum of exp(z) z) / total. *)
Lemma entropy_softmax : forall z, entropy (softmax z) = ln (total z) - sum arms (fun a => exp (z a) * z a) / total z.
Proof.
  intros z. pose proof (total_pos z). unfold entropy, mean.
  rewrite (sum_ext _ arms _ (fun a => (exp (z a) * z a) / total z - softmax z a * ln (total z))).
  - rewrite sum_minus, sum_divide, sum_scale_right. destruct (softmax_policy z) as [_ ->]. ring.
  - intros a _. rewrite ln_softmax. unfold softmax. field. lra.
Qed.

Lemma mean_softmax : forall z f, mean (softmax z) f = sum arms (fun a => exp (z a) * f a) / total z.
Proof.
  intros z f. unfold mean. rewrite <- sum_divide. apply sum_ext. intros. unfold softmax. unfold Rdiv. ring.
Qed.

Lemma derive_sum : forall (l : list X) (f : X -> R -> R) (d : X -> R) x,
  (forall a, is_derive (f a) x (d a)) -> is_derive (fun t => sum l (fun a => f a t)) x (sum l d).
Proof.
  induction l as [|a l IH]; intros f d x H; simpl.
  - apply (is_derive_const (K := R_AbsRing) (V := R_NormedModule)).
  - apply (is_derive_plus (K := R_AbsRing) (V := R_NormedModule) (f a)); [apply H | apply IH; exact H].
Qed.

(** Moving the logits along delta. *)
Definition moved (z delta : X -> R) (t : R) (a : X) : R := z a + t * delta a.

Lemma moved_0 : forall z delta a, moved z delta 0 a = z a.
Proof. intros. unfold moved. ring. Qed.

Lemma derive_total : forall z delta,
  is_derive (fun t => total (moved z delta t)) 0 (sum arms (fun a => exp (z a) * delta a)).
Proof.
  intros. unfold total. apply derive_sum. intros a. unfold moved. auto_derive; [easy|].
  rewrite Rmult_0_l, Rplus_0_r. ring.
Qed.

Lemma derive_weighted : forall z delta f d, (forall a, is_derive (f a) 0 (d a)) ->
  is_derive (fun t => sum arms (fun a => exp (moved z delta t a) * f a t)) 0
    (sum arms (fun a => exp (z a) * (delta a * f a 0 + d a))).
Proof.
  intros z delta f d H. apply derive_sum. intros a.
  assert (E : is_derive (fun t => exp (moved z delta t a)) 0 (exp (z a) * delta a)).
  { unfold moved. auto_derive; [easy|]. rewrite Rmult_0_l, Rplus_0_r. ring. }
  evar_last; [apply (is_derive_mult (fun t => exp (moved z delta t a)) (f a)); [exact E | apply H | intros; apply
    Rmult_comm]|].
  unfold plus, mult; simpl. rewrite moved_0. ring.
Qed.

(** To first order the entropy of a softmax policy changes by minus the covariance of log pi and the logits' change. *)
Theorem entropy_identity : forall z delta, let pi := softmax z in
  is_derive (fun t => entropy (softmax (moved z delta t))) 0 (- cov pi (fun a => ln (pi a)) delta).
Proof.
  intros z delta pi. pose proof (total_pos z) as Hz.
  apply (is_derive_ext
    (fun t => ln (total (moved z delta t))
              - sum arms (fun a => exp (moved z delta t a) * moved z delta t a) / total (moved z delta t))).
  { intros t. symmetry. apply entropy_softmax. }
  pose proof (derive_total z delta) as Ht.
  assert (Hn : is_derive (fun t => sum arms (fun a => exp (moved z delta t a) * moved z delta t a)) 0
                 (sum arms (fun a => exp (z a) * (delta a * z a + delta a)))).
  { evar_last; [apply derive_weighted with (d := delta); intros a; unfold moved; auto_derive; [easy | ring]|].
    apply sum_ext. intros. rewrite moved_0. reflexivity. }
  assert (H0 : total (moved z delta 0) = total z) by (apply sum_ext; intros; now rewrite moved_0).
  assert (N0 : sum arms (fun a => exp (moved z delta 0 a) * moved z delta 0 a) = sum arms (fun a => exp (z a) * z a))
    by (apply sum_ext; intros; now rewrite moved_0).
  evar_last.
  { apply (is_derive_minus (K := R_AbsRing) (V := R_NormedModule)).
    - apply (is_derive_comp ln); [apply is_derive_ln; rewrite H0; exact Hz | exact Ht].
    - apply is_derive_div; [exact Hn | exact Ht | rewrite H0; lra]. }
  unfold minus, plus, opp, scal; simpl. unfold mult; simpl. rewrite H0, N0.
  rewrite (cov_ext _ _ (fun a => z a - ln (total z)) delta delta);
    [| intros; apply ln_softmax | reflexivity].
  assert (C : cov pi (fun a => z a - ln (total z)) delta = cov pi z delta).
  { unfold cov, mean. destruct (softmax_policy z) as [_ Hs]. fold pi in Hs.
    rewrite (sum_ext _ arms _ (fun a => pi a * (z a * delta a) - ln (total z) * (pi a * delta a))) by (intros; ring).
    rewrite (sum_ext _ arms (fun a => pi a * (z a - ln (total z))) (fun a => pi a * z a - pi a * ln (total z)))
      by (intros; ring).
    rewrite !sum_minus, sum_scale, sum_scale_right, Hs. ring. }
  rewrite C. unfold cov, pi. rewrite !mean_softmax.
  rewrite (sum_ext _ arms (fun a => exp (z a) * (delta a * z a + delta a))
    (fun a => exp (z a) * (z a * delta a) + exp (z a) * delta a)) by (intros; ring).
  rewrite sum_plus. field. lra.
Qed.

(** Of arms that all differ, one; and the direction that raises its logit alone. *)
Definition one_arm (eq_dec : forall c d : X, {c = d} + {c <> d}) (a c : X) : R := if eq_dec c a then 1 else 0.

Lemma sum_one_arm : forall eq_dec l a f, NoDup l -> In a l -> sum l (fun c => f c * one_arm eq_dec a c) = f a.
Proof.
  intros eq_dec l a f. induction l as [|d l IH]; intros Hd Ha; [easy|]. inversion Hd; subst. simpl. unfold one_arm at 1.
  destruct (eq_dec d a) as [-> | N].
  - rewrite (sum_ext _ l _ (fun _ => 0)); [rewrite sum_const; ring|]. intros c Hc. unfold one_arm.
    destruct (eq_dec c a) as [-> | _]; [contradiction | ring].
  - destruct Ha as [-> | Ha]; [contradiction|]. rewrite IH by assumption. ring.
Qed.

(** Raising one arm's logit changes the entropy at the rate -pi(a) (log pi(a) + H), which is negative exactly if the
    arm's probability is above exp(-H). *)
Theorem entropy_single_logit : forall eq_dec z a, NoDup arms -> In a arms -> let pi := softmax z in
  let slope := - pi a * (ln (pi a) + entropy pi) in
  is_derive (fun t => entropy (softmax (moved z (one_arm eq_dec a) t))) 0 slope
  /\ (slope < 0 <-> pi a > exp (- entropy pi)).
Proof.
  intros eq_dec z a Hd Ha pi slope. destruct (softmax_policy z) as [Hpos _]. fold pi in Hpos. split.
  - evar_last; [apply entropy_identity|]. fold pi. unfold slope, cov, entropy. unfold mean at 1 3.
    rewrite (sum_ext _ arms (fun c => pi c * (ln (pi c) * one_arm eq_dec a c))
      (fun c => (pi c * ln (pi c)) * one_arm eq_dec a c)) by (intros; ring).
    rewrite (sum_one_arm eq_dec arms a (fun c => pi c * ln (pi c))), (sum_one_arm eq_dec arms a pi) by assumption. ring.
  - specialize (Hpos a). split; intros H.
    + assert (L : - entropy pi < ln (pi a)) by (unfold slope in H; nra).
      apply exp_increasing in L. rewrite exp_ln in L by exact Hpos. exact L.
    + apply Rgt_lt, ln_increasing in H; [|apply exp_pos]. rewrite ln_exp in H. unfold slope. nra.
Qed.

(** ** The baseline as a knob *)

(** F(b) of the QAE paper: the covariance of log pi and the logits' change pi (r - b). *)
Definition F (pi r : X -> R) (b : R) : R := cov pi (fun a => ln (pi a)) (fun a => pi a * (r a - b)).

(** The first-order entropy change of the update dz = eta pi (r - b): eta times the derivative at t = 0 of the entropy
    of the policy with logits z + t pi (r - b). *)
Definition dH (eta : R) (z r : X -> R) (b : R) : R :=
  eta * Derive (fun t => entropy (softmax (moved z (fun a => softmax z a * (r a - b)) t))) 0.

Lemma dH_is : forall eta z r b, dH eta z r b = - eta * F (softmax z) r b.
Proof.
  intros. unfold dH. replace (Derive _ 0) with (- F (softmax z) r b); [ring|].
  symmetry. apply is_derive_unique, entropy_identity.
Qed.

Lemma F_linear : forall pi r b, F pi r b = F pi r 0 - b * cov pi (fun a => ln (pi a)) pi.
Proof.
  intros. unfold F. rewrite <- cov_scale_right, <- cov_minus_right. apply cov_ext; intros; ring.
Qed.

(** The first-order entropy change under dz = eta pi (r - b) exists, is -eta [F(0) - b Cov(log pi, pi)], and so is
    linear in the baseline b with slope eta Cov(log pi, pi). *)
Theorem qae_linear_knob : forall z r b eta, let pi := softmax z in let c := cov pi (fun a => ln (pi a)) pi in
  ex_derive (fun t => entropy (softmax (moved z (fun a => pi a * (r a - b)) t))) 0
  /\ dH eta z r b = - eta * (F pi r 0 - b * c)
  /\ is_derive (dH eta z r) b (eta * c).
Proof.
  intros z r b eta pi c. split; [| split].
  - eexists. apply entropy_identity.
  - rewrite dH_is. now rewrite F_linear.
  - apply (is_derive_ext (fun b => - eta * (F pi r 0 - b * c))).
    + intros t. rewrite dH_is. now rewrite (F_linear (softmax z) r t).
    + auto_derive; [easy | ring].
Qed.

(** The first-order entropy change rises strictly with the baseline unless the policy is uniform. *)
Theorem qae_strictly_increasing : forall z r eta b b', ~ uniform (softmax z) -> 0 < eta ->
  b < b' -> dH eta z r b < dH eta z r b'.
Proof.
  intros z r eta b b' Hu He Hb. destruct (qae_covariance_positive _ (softmax_policy z)) as [_ [Hc _]].
  specialize (Hc Hu). rewrite !dH_is, (F_linear _ r b), (F_linear _ r b').
  apply Rmult_lt_compat_l with (r := eta) in Hc; [|lra]. nra.
Qed.

Lemma dH_rises : forall z r eta b b', 0 < eta -> b <= b' -> dH eta z r b <= dH eta z r b'.
Proof.
  intros z r eta b b' He Hb. pose proof (softmax_policy z) as Hp. destruct (qae_covariance_positive _ Hp) as [E _].
  assert (0 <= cov (softmax z) (fun a => ln (softmax z a)) (softmax z)).
  { rewrite E. apply sum_pairs_nonneg. intros a c. destruct Hp as [Hp _].
    apply Rmult_le_pos; [left; apply Rmult_lt_0_compat; auto | now apply log_order]. }
  rewrite !dH_is, (F_linear _ r b), (F_linear _ r b').
  assert (0 <= eta * cov (softmax z) (fun a => ln (softmax z a)) (softmax z)) by nra. nra.
Qed.

(** On hard queries, p <= 1 - K, no baseline in [0, 1] makes the first-order entropy change smaller than the quantile
    baseline does; every other one makes it larger unless the policy is uniform. *)
Theorem qae_prop4_2_low : forall z r eta K p b, 0 < eta -> 0 <= b <= 1 -> p <= 1 - K ->
  dH eta z r (quantile_baseline K p) <= dH eta z r b
  /\ (~ uniform (softmax z) -> b <> quantile_baseline K p -> dH eta z r (quantile_baseline K p) < dH eta z r b).
Proof.
  intros z r eta K p b He Hb HK. unfold quantile_baseline. destruct (Rle_dec p (1 - K)); [|lra]. split.
  - apply dH_rises; auto; lra.
  - intros. apply qae_strictly_increasing; auto; lra.
Qed.

(** On easy queries, p > 1 - K, no baseline in [0, 1] makes the first-order entropy change larger than the quantile
    baseline does; every other one makes it smaller unless the policy is uniform. *)
Theorem qae_prop4_2_high : forall z r eta K p b, 0 < eta -> 0 <= b <= 1 -> p > 1 - K ->
  dH eta z r (quantile_baseline K p) >= dH eta z r b
  /\ (~ uniform (softmax z) -> b <> quantile_baseline K p -> dH eta z r (quantile_baseline K p) > dH eta z r b).
Proof.
  intros z r eta K p b He Hb HK. unfold quantile_baseline. destruct (Rle_dec p (1 - K)); [lra|]. split.
  - apply Rle_ge, dH_rises; auto; lra.
  - intros. apply Rlt_gt, qae_strictly_increasing; auto; lra.
Qed.

(** ** Cui et al. *)

(** A constant added to all advantages does not change Theorem 2's entropy change -eta Cov(log pi, A). *)
Theorem entropy_natural_gradient_shift : forall pi A c eta, policy pi ->
  - eta * cov pi (fun a => ln (pi a)) (fun a => A a + c) = - eta * cov pi (fun a => ln (pi a)) A.
Proof.
  intros pi A c eta [_ H].
  rewrite (cov_ext _ _ (fun a => ln (pi a)) _ (fun a => A a - - c)) by (intros; ring).
  rewrite cov_minus_right, cov_const_right by exact H. ring.
Qed.

(** The Fisher metric of a softmax policy: the mean product of two directions' scores, which are the derivatives of
    log pi(a) along them. *)
Definition fisher (pi delta eps : X -> R) : R :=
  mean pi (fun a => (delta a - mean pi delta) * (eps a - mean pi eps)).

Lemma fisher_is_cov : forall pi delta eps, sum arms pi = 1 -> fisher pi delta eps = cov pi delta eps.
Proof.
  intros pi delta eps H. unfold fisher, cov, mean. set (d := sum arms (fun a => pi a * delta a)).
  set (e := sum arms (fun a => pi a * eps a)).
  rewrite (sum_ext _ arms _ (fun a => pi a * (delta a * eps a) - (pi a * delta a) * e - (pi a * eps a) * d
    + pi a * (d * e))) by (intros; ring).
  rewrite sum_plus, !sum_minus, !sum_scale_right, H. fold d e. ring.
Qed.

Lemma derive_mean_along : forall z A delta,
  is_derive (fun t => mean (softmax (moved z delta t)) A) 0 (cov (softmax z) delta A).
Proof.
  intros z A delta. pose proof (total_pos z) as Hz.
  apply (is_derive_ext (fun t => sum arms (fun a => exp (moved z delta t a) * A a) / total (moved z delta t))).
  { intros t. symmetry. apply mean_softmax. }
  assert (H0 : total (moved z delta 0) = total z) by (apply sum_ext; intros; now rewrite moved_0).
  evar_last.
  { apply is_derive_div.
    - apply (derive_weighted z delta (fun a _ => A a) (fun _ => 0)). intros a. auto_derive; [easy | ring].
    - apply derive_total.
    - rewrite H0. lra. }
  cbv beta. rewrite H0.
  rewrite (sum_ext _ arms (fun a => exp (moved z delta 0 a) * A a) (fun a => exp (z a) * A a))
    by (intros; now rewrite moved_0).
  unfold cov. rewrite !mean_softmax.
  rewrite (sum_ext _ arms (fun a => exp (z a) * (delta a * A a + 0)) (fun a => exp (z a) * (delta a * A a)))
    by (intros; ring).
  field. lra.
Qed.

(** The natural gradient step is dz = eta A: along every direction delta the derivative of the expected advantage is the
    Fisher metric of delta and A, the mean product of the scores delta - E delta and A - E A; and along dz = eta A the
    entropy changes by -eta Cov(log pi, A) to first order. *)
Theorem entropy_theorem2 : forall z A, let pi := softmax z in
  (forall delta a, is_derive (fun t => ln (softmax (moved z delta t) a)) 0 (delta a - mean pi delta))
  /\ (forall delta, is_derive (fun t => mean (softmax (moved z delta t)) A) 0 (fisher pi delta A))
  /\ forall eta, is_derive (fun t => entropy (softmax (moved z (fun a => eta * A a) t))) 0
                   (- eta * cov pi (fun a => ln (pi a)) A).
Proof.
  intros z A pi. pose proof (total_pos z) as Hz. destruct (softmax_policy z) as [_ Hs]. split; [| split].
  - intros delta a. apply (is_derive_ext (fun t => moved z delta t a - ln (total (moved z delta t)))).
    { intros t. symmetry. apply ln_softmax. }
    assert (H0 : total (moved z delta 0) = total z) by (apply sum_ext; intros; now rewrite moved_0).
    evar_last.
    { apply (is_derive_minus (K := R_AbsRing) (V := R_NormedModule)).
      - unfold moved. auto_derive; [easy | reflexivity].
      - apply (is_derive_comp ln); [apply is_derive_ln; rewrite H0; exact Hz | apply derive_total]. }
    unfold minus, plus, opp, scal; simpl. unfold mult; simpl. rewrite H0. unfold pi. rewrite mean_softmax. field. lra.
  - intros delta. rewrite fisher_is_cov by exact Hs. apply derive_mean_along.
  - intros eta. evar_last; [apply entropy_identity|]. rewrite cov_scale_right. fold pi. ring.
Qed.

End Policies.
