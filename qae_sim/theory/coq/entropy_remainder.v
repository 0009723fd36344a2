(** How far the entropy of a softmax policy can be from the first-order identity, for every finite number of arms. *)

From Coq Require Import Reals List Lra Lia.
From Coquelicot Require Import Coquelicot.
From QAE Require Import finite_sums groups policies token_tables.
Import ListNotations.
Open Scope R_scope.

Lemma element_below_sum : forall (X : Type) (l : list X) f a, (forall c, 0 < f c) -> In a l -> f a <= sum l f.
Proof.
  intros X l f a Hf. induction l as [|c l IH]; intros Ha; [easy|]. simpl. pose proof (Hf c).
  assert (0 <= sum l f) by (apply sum_nonneg; intros; left; apply Hf).
  destruct Ha as [-> | Ha]; [lra | specialize (IH Ha); lra].
Qed.

Lemma some_element : forall (X : Type) (l : list X), l <> [] -> exists a, In a l.
Proof. intros X [|a l] H; [easy | exists a; now left]. Qed.

Lemma derive_products : forall (f1 f2 f3 f4 : R -> R) t d1 d2 d3 d4,
  is_derive f1 t d1 -> is_derive f2 t d2 -> is_derive f3 t d3 -> is_derive f4 t d4 ->
  is_derive (fun t => f1 t + t * f2 t - (f3 t + t * f4 t) * f4 t) t
    (d1 + (f2 t + t * d2) - ((d3 + (f4 t + t * d4)) * f4 t + (f3 t + t * f4 t) * d4)).
Proof.
  intros f1 f2 f3 f4 t d1 d2 d3 d4 H1 H2 H3 H4.
  auto_derive; [repeat split; eexists; eassumption|].
  change (Derive (fun x => f1 x) t) with (Derive f1 t). change (Derive (fun x => f2 x) t) with (Derive f2 t).
  change (Derive (fun x => f3 x) t) with (Derive f3 t). change (Derive (fun x => f4 x) t) with (Derive f4 t).
  rewrite (is_derive_unique _ _ _ H1), (is_derive_unique _ _ _ H2), (is_derive_unique _ _ _ H3),
    (is_derive_unique _ _ _ H4). ring.
Qed.

Section Remainder.

Context {X : Type}.
Variable arms : list X.
Hypothesis two_arms : (2 <= length arms)%nat.

Lemma some_arm : arms <> [].
Proof. intros E. revert two_arms. rewrite E. simpl. lia. Qed.

Let softmax := softmax arms.
Let mean := mean arms.
Let cov := cov arms.
Let entropy := entropy arms.

Lemma moved_again : forall (z delta : X -> R) t s a, moved (moved z delta t) delta s a = moved z delta (t + s) a.
Proof. intros. unfold moved. ring. Qed.

Lemma total_ext : forall y z : X -> R, (forall a, y a = z a) -> total arms y = total arms z.
Proof. intros y z H. apply sum_ext. intros. now rewrite H. Qed.

Lemma softmax_ext : forall y z, (forall a, y a = z a) -> forall a, softmax y a = softmax z a.
Proof. intros y z H a. unfold softmax, policies.softmax. now rewrite H, (total_ext y z H). Qed.

Lemma mean_ext : forall pi pi' f f', (forall a, pi a = pi' a) -> (forall a, f a = f' a) -> mean pi f = mean pi' f'.
Proof. intros. apply sum_ext. intros. now rewrite H, H0. Qed.

Lemma cov_ext_all : forall pi pi' f f' g g', (forall a, pi a = pi' a) -> (forall a, f a = f' a) ->
  (forall a, g a = g' a) -> cov pi f g = cov pi' f' g'.
Proof.
  intros pi pi' f f' g g' Hp Hf Hg. unfold cov, policies.cov. f_equal; [|f_equal]; apply mean_ext; intros; rewrite ?Hf, ?Hg;
    auto.
Qed.

Lemma mean_linear : forall pi f g u v, mean pi (fun a => u * f a + v * g a) = u * mean pi f + v * mean pi g.
Proof.
  intros. unfold mean, policies.mean. rewrite <- !sum_scale, <- sum_plus. apply sum_ext. intros. ring.
Qed.

Lemma mean_const : forall pi c, sum arms pi = 1 -> mean pi (fun _ => c) = c.
Proof. intros pi c H. unfold mean, policies.mean. rewrite sum_scale_right, H. ring. Qed.

Lemma mean_le : forall pi f g, (forall a, 0 < pi a) -> (forall a, In a arms -> f a <= g a) -> mean pi f <= mean pi g.
Proof.
  intros pi f g Hp H. apply sum_le. intros a Ha. apply Rmult_le_compat_l; [left; apply Hp | now apply H].
Qed.

(** The path, and derivatives along it. *)
Variables (z delta : X -> R).
Let at_t t := softmax (moved z delta t).

Lemma path_policy : forall t, policy arms (at_t t).
Proof. intros t. apply softmax_policy, some_arm. Qed.

Lemma derive_shifted : forall (f : R -> R) t d, is_derive (fun s => f (t + s)) 0 d -> is_derive f t d.
Proof.
  intros f t d H. apply (is_derive_ext (fun x => (fun s => f (t + s)) (x - t))).
  - intros x. f_equal. ring.
  - evar_last; [apply (is_derive_comp (fun s => f (t + s)) (fun x => x - t) t d 1)|].
    + replace (t - t) with 0 by ring. exact H.
    + auto_derive; [easy | ring].
    + unfold scal; simpl. unfold mult; simpl. ring.
Qed.

Lemma derive_mean_on_path : forall f t, is_derive (fun t => mean (at_t t) f) t (cov (at_t t) delta f).
Proof.
  intros f t. apply derive_shifted.
  apply (is_derive_ext (fun s => mean (softmax (moved (moved z delta t) delta s)) f)).
  - intros s. apply mean_ext; [|easy]. apply softmax_ext. intros. apply moved_again.
  - apply (derive_mean_along arms some_arm (moved z delta t) f delta).
Qed.

Lemma derive_entropy_on_path : forall t,
  is_derive (fun t => entropy (at_t t)) t (- cov (at_t t) (fun a => ln (at_t t a)) delta).
Proof.
  intros t. apply derive_shifted.
  apply (is_derive_ext (fun s => entropy (softmax (moved (moved z delta t) delta s)))).
  - intros s. unfold entropy, policies.entropy. f_equal. apply mean_ext; intros; [|f_equal];
      apply softmax_ext; intros; apply moved_again.
  - apply (entropy_identity arms some_arm (moved z delta t) delta).
Qed.

(** The first derivative, with logits in the place of log-probabilities. *)
Let slope t := mean (at_t t) (fun a => z a * delta a) + t * mean (at_t t) (fun a => delta a * delta a)
  - (mean (at_t t) z + t * mean (at_t t) delta) * mean (at_t t) delta.

Lemma slope_is : forall t, cov (at_t t) (fun a => ln (at_t t a)) delta = slope t.
Proof.
  intros t. destruct (path_policy t) as [_ Hs].
  rewrite (cov_ext_all _ (at_t t) _ (fun a => z a + t * delta a - ln (total arms (moved z delta t))) delta delta);
    [| easy | intros a; apply (ln_softmax arms some_arm) | easy].
  set (c := ln (total arms (moved z delta t))). unfold cov, policies.cov.
  fold mean.
  rewrite (mean_ext (at_t t) (at_t t) (fun a => (z a + t * delta a - c) * delta a)
    (fun a => 1 * (1 * (z a * delta a) + t * (delta a * delta a)) + - c * delta a)) by (intros; ring).
  rewrite (mean_ext (at_t t) (at_t t) (fun a => z a + t * delta a - c)
    (fun a => 1 * (1 * z a + t * delta a) + - c * 1)) by (intros; ring).
  rewrite !mean_linear. rewrite (mean_const (at_t t) 1 Hs). unfold slope. ring.
Qed.

(** Deviations of the log-probabilities and of the direction from their means. *)
Let surprise t a := ln (at_t t a) + entropy (at_t t).
Let deviation t a := delta a - mean (at_t t) delta.
Let bend t := mean (at_t t) (fun a => (1 + surprise t a) * deviation t a ^ 2).

Lemma derive_slope : forall t, is_derive slope t (bend t).
Proof.
  intros t. destruct (path_policy t) as [_ Hs].
  pose proof (derive_products (fun t => mean (at_t t) (fun a => z a * delta a))
    (fun t => mean (at_t t) (fun a => delta a * delta a)) (fun t => mean (at_t t) z) (fun t => mean (at_t t) delta) t
    _ _ _ _ (derive_mean_on_path (fun a => z a * delta a) t) (derive_mean_on_path (fun a => delta a * delta a) t)
    (derive_mean_on_path z t) (derive_mean_on_path delta t)) as D.
  cbv beta in D. unfold slope. evar_last; [exact D|]. clear D. unfold cov, policies.cov. fold mean.
  set (P := at_t t) in *. set (d := mean P delta).
    set (m := mean P (fun a => z a + t * delta a)).
    assert (Em : m = mean P z + t * d).
    { unfold m. rewrite (mean_ext P P _ (fun a => 1 * z a + t * delta a)) by (intros; ring). rewrite mean_linear. fold d.
      ring. }
    assert (L : forall a, surprise t a = z a + t * delta a - m).
    { intros a. unfold surprise. fold P.
      assert (Ln : forall a, ln (P a) = z a + t * delta a - ln (total arms (moved z delta t)))
        by (intros; apply (ln_softmax arms some_arm)).
      unfold entropy, policies.entropy. fold mean. rewrite Ln.
      rewrite (mean_ext P P (fun a => ln (P a)) (fun a => 1 * (z a + t * delta a)
        + - ln (total arms (moved z delta t)) * 1)) by (intros; rewrite ?Ln; ring).
      rewrite mean_linear, (mean_const P 1 Hs). fold m. ring. }
    unfold bend. fold P.
    rewrite (mean_ext P P (fun a => (1 + surprise t a) * deviation t a ^ 2)
      (fun a => 1 * (1 * (1 * (z a * (delta a * delta a)) + t * (delta a * (delta a * delta a)))
        + 1 * (1 * ((1 - m - 2 * d * t) * (delta a * delta a) + - (2 * d) * (z a * delta a))
           + 1 * ((d * d) * z a + (d * d * t - 2 * d * (1 - m)) * delta a)))
        + (d * d * (1 - m)) * 1))
      by (intros; rewrite ?L; unfold deviation; fold P d; ring).
    rewrite !mean_linear, (mean_const P 1 Hs). fold d. rewrite Em.
    rewrite (mean_ext P P (fun a => delta a * (z a * delta a)) (fun a => z a * (delta a * delta a))) by (intros; ring).
    rewrite (mean_ext P P (fun a => delta a * z a) (fun a => z a * delta a)) by (intros; ring).
    fold d. ring.
Qed.

(** ** Bounds *)

Variables (low rho : R).
Hypothesis Hrange : forall a, In a arms -> low <= delta a <= low + rho.

Lemma rho_nonneg : 0 <= rho.
Proof.
  destruct (some_element X arms some_arm) as [a Ha]. specialize (Hrange a Ha). lra.
Qed.

Let most := ln (size arms).

Lemma most_least : 1 / 2 <= most.
Proof.
  assert (H2 : 2 <= size arms) by (apply (le_INR 2) in two_arms; exact two_arms).
  assert (L : 1 / 2 <= ln 2).
  { destruct (ln_below (/ 2)) as [B _]; [lra|]. rewrite ln_Rinv in B by lra. lra. }
  unfold most. destruct H2 as [H2 | <-]; [|exact L]. pose proof (ln_increasing 2 (size arms) ltac:(lra) H2). lra.
Qed.

Lemma entropy_range : forall t, 0 <= entropy (at_t t) <= most /\ forall a, In a arms -> ln (at_t t a) <= 0.
Proof.
  intros t. destruct (path_policy t) as [Hp Hs]. set (P := at_t t) in *.
  assert (Hn : 2 <= size arms) by (apply (le_INR 2) in two_arms; exact two_arms).
  assert (Below : forall a, In a arms -> ln (P a) <= 0).
  { intros a Ha. pose proof (element_below_sum X arms P a Hp Ha). rewrite Hs in H.
    destruct (ln_below (P a) (Hp a)). lra. }
  split; [split | exact Below].
  - unfold entropy, policies.entropy. fold mean. enough (mean P (fun a => ln (P a)) <= 0) by lra.
    rewrite <- (mean_const P 0 Hs). apply mean_le; assumption.
  - enough (H : mean P (fun a => - most + - ln (P a)) <= 0).
    { unfold entropy, policies.entropy. fold mean.
      rewrite (mean_ext P P _ (fun a => - most * 1 + -1 * ln (P a))) in H by (intros; ring).
      rewrite mean_linear, (mean_const P 1 Hs) in H. lra. }
    assert (B : mean P (fun a => - most + - ln (P a)) <= sum arms (fun a => / size arms - P a)).
    { unfold mean, policies.mean. apply sum_le. intros a Ha. pose proof (Hp a) as Pa.
      destruct (ln_below (/ (size arms * P a))) as [L _]; [apply Rinv_0_lt_compat, Rmult_lt_0_compat; lra|].
      assert (Pn : 0 < size arms * P a) by (apply Rmult_lt_0_compat; [lra | exact Pa]).
      rewrite ln_Rinv in L by exact Pn. rewrite ln_mult in L by (exact Pa || lra). fold most in L.
      assert (M : P a * (- most + - ln (P a)) <= P a * (/ (size arms * P a) - 1)) by (apply Rmult_le_compat_l; lra).
      replace (P a * (/ (size arms * P a) - 1)) with (/ size arms - P a) in M by (field; lra). exact M. }
    eapply Rle_trans; [exact B|]. rewrite sum_minus, sum_const. change (sum arms (fun a => P a)) with (sum arms P).
    rewrite Hs, Rinv_r by lra. lra.
Qed.

Lemma mean_delta_range : forall t, low <= mean (at_t t) delta <= low + rho.
Proof.
  intros t. destruct (path_policy t) as [Hp Hs]. split.
  - rewrite <- (mean_const (at_t t) low Hs). apply mean_le; [exact Hp | intros a Ha; now apply Hrange].
  - rewrite <- (mean_const (at_t t) (low + rho) Hs). apply mean_le; [exact Hp | intros a Ha; now apply Hrange].
Qed.

Lemma bend_range : forall t, - (rho ^ 2 * most) <= bend t <= rho ^ 2 * most.
Proof.
  intros t. destruct (path_policy t) as [Hp Hs]. destruct (entropy_range t) as [[H0 H1] Below].
  pose proof (mean_delta_range t) as Hm. pose proof rho_nonneg as Hr. pose proof most_least as Hl.
  set (P := at_t t) in *. set (m := mean P delta) in *.
  assert (Dev : forall a, In a arms -> 0 <= deviation t a ^ 2 <= rho ^ 2).
  { intros a Ha. unfold deviation. fold P m. specialize (Hrange a Ha). split; [apply pow2_ge_0|].
    assert (- rho <= delta a - m <= rho) by lra. nra. }
  assert (Var : mean P (fun a => deviation t a ^ 2) <= rho ^ 2 / 4).
  { set (u := m - low). assert (Hu : 0 <= u <= rho) by (unfold u; lra).
    assert (V : mean P (fun a => deviation t a ^ 2) <= mean P (fun a => (rho - 2 * u) * delta a
      + (- (rho - 2 * u) * low + u ^ 2) * 1)).
    { apply mean_le; [exact Hp|]. intros a Ha. unfold deviation. fold P m. specialize (Hrange a Ha).
      replace m with (low + u) by (unfold u; ring). set (x := delta a) in *.
      assert (0 <= (x - low) * (rho - (x - low))) by (apply Rmult_le_pos; lra). nra. }
    rewrite mean_linear, (mean_const P 1 Hs) in V. fold m in V. replace m with (low + u) in V by (unfold u; ring).
    assert (0 <= (rho - 2 * u) ^ 2) by apply pow2_ge_0. nra. }
  unfold bend. fold P. split.
  - assert (L : mean P (fun a => rho ^ 2 * ln (P a) + 0 * 1) <= mean P (fun a => (1 + surprise t a) * deviation t a ^ 2)).
    { apply mean_le; [exact Hp|]. intros a Ha. unfold surprise. fold P. specialize (Below a Ha). specialize (Dev a Ha).
      set (D := deviation t a ^ 2) in *. set (l := ln (P a)) in *. set (h := entropy P) in *.
      assert (0 <= (1 + h) * D) by (apply Rmult_le_pos; lra). assert (l * rho ^ 2 <= l * D) by nra. nra. }
    rewrite mean_linear in L. unfold entropy, policies.entropy in H1. fold mean in H1.
    assert (0 <= rho ^ 2) by apply pow2_ge_0. set (q := mean P (fun a => ln (P a))) in *. nra.
  - assert (U : mean P (fun a => (1 + surprise t a) * deviation t a ^ 2)
      <= mean P (fun a => (1 + most) * deviation t a ^ 2 + 0 * 1)).
    { apply mean_le; [exact Hp|]. intros a Ha. unfold surprise. fold P. specialize (Below a Ha). specialize (Dev a Ha).
      nra. }
    rewrite mean_linear in U. assert (0 <= rho ^ 2) by apply pow2_ge_0. nra.
Qed.

Lemma slope_moves : forall t, 0 <= t -> Rabs (slope t - slope 0) <= rho ^ 2 * most * t.
Proof.
  intros t Ht. destruct (MVT_gen slope 0 t bend) as [c [_ E]].
  - intros x _. apply derive_slope.
  - intros x _. apply derivable_continuous_pt. exists (bend x). apply is_derive_Reals, derive_slope.
  - rewrite E, Rminus_0_r, Rabs_mult, (Rabs_pos_eq t Ht). apply Rmult_le_compat_r; [exact Ht|].
    apply Rabs_le, bend_range.
Qed.

(** What the first-order identity leaves out of the entropy's change is at most half the squared spread rho of the
    logits' change delta, times the logarithm of the number of arms. *)
Theorem entropy_remainder :
  let pi := softmax z in
  Rabs (entropy (softmax (fun a => z a + delta a)) - entropy pi + cov pi (fun a => ln (pi a)) delta)
  <= 1 / 2 * rho ^ 2 * ln (size arms).
Proof.
  intros pi. set (E := fun t => entropy (at_t t)).
  assert (E1 : entropy (softmax (fun a => z a + delta a)) = E 1).
  { unfold E, at_t, entropy, policies.entropy. f_equal. apply mean_ext; intros; [|f_equal]; apply softmax_ext; intros;
      unfold moved; ring. }
  assert (P0 : forall a, pi a = at_t 0 a) by (intros; apply softmax_ext; intros; symmetry; apply moved_0).
  assert (E0 : entropy pi = E 0).
  { unfold E, entropy, policies.entropy. f_equal. apply mean_ext; intros; [|f_equal]; apply P0. }
  assert (C0 : cov pi (fun a => ln (pi a)) delta = slope 0).
  { rewrite <- slope_is. apply cov_ext_all; intros; [| f_equal |]; auto. }
  rewrite E1, E0, C0. fold most. set (M := rho ^ 2 * most).
  assert (HM : 0 <= M) by (unfold M; apply Rmult_le_pos; [apply pow2_ge_0 | pose proof most_least; lra]).
  assert (Bound : forall sign, sign = 1 \/ sign = -1 -> sign * (E 1 - E 0 + slope 0) <= M / 2).
  { intros sign Hsign. set (k := fun t => sign * (E t + slope 0 * t) - M * t ^ 2 / 2).
    assert (Dk : forall t, is_derive k t (- sign * (slope t - slope 0) - M * t)).
    { intros t. unfold k. evar_last.
      - apply (is_derive_minus (K := R_AbsRing) (V := R_NormedModule)).
        + apply is_derive_scal. apply (is_derive_plus (K := R_AbsRing) (V := R_NormedModule));
            [apply derive_entropy_on_path | auto_derive; [easy | reflexivity]].
        + instantiate (1 := M * t). auto_derive; [easy|]. simpl. field.
      - rewrite slope_is. unfold minus, plus, opp; simpl. ring. }
    destruct (MVT_gen k 0 1 (fun t => - sign * (slope t - slope 0) - M * t)) as [c [Hc K]].
    - intros x _. apply Dk.
    - intros x _. apply derivable_continuous_pt. eexists. apply is_derive_Reals, Dk.
    - rewrite Rmin_left, Rmax_right in Hc by lra. pose proof (slope_moves c ltac:(lra)) as S. fold M in S.
      apply Rabs_le_between in S. assert (- sign * (slope c - slope 0) <= M * c).
      { destruct Hsign as [-> | ->]; lra. }
      unfold k in K. nra. }
  replace (1 / 2 * rho ^ 2 * most) with (M / 2) by (unfold M; field). apply Rabs_le. split.
  - specialize (Bound (-1) (or_intror eq_refl)). lra.
  - specialize (Bound 1 (or_introl eq_refl)). lra.
Qed.

End Remainder.
