(** Estimators that look at a response's own reward and at the number of successes in its group: what they teach about the
    length of responses where a loss divides by numbers of tokens, MaxRL, and the estimate of pass@k.

    [over_counts p n f] is the mean of f(N) for the number N of successes among n responses of success rate p. *)

From Coq Require Import Reals List Lra Lia Classical.
From Coquelicot Require Import Coquelicot.
From QAE Require Import finite_sums groups policies sampled_groups.
Import ListNotations.
Open Scope R_scope.

(** ** Numbers of successes *)

Fixpoint over_counts (p : R) (n : nat) (f : nat -> R) : R :=
  match n with
  | O => f O
  | S k => p * over_counts p k (fun m => f (S m)) + (1 - p) * over_counts p k f
  end.

Lemma over_counts_ext : forall p n f h, (forall m, (m <= n)%nat -> f m = h m) -> over_counts p n f = over_counts p n h.
Proof.
  induction n as [|k IH]; intros f h H; simpl; [now apply H|].
  rewrite (IH (fun m => f (S m)) (fun m => h (S m))), (IH f h); [reflexivity | |]; intros; apply H; lia.
Qed.

Lemma over_counts_plus : forall p n f h, over_counts p n (fun m => f m + h m) = over_counts p n f + over_counts p n h.
Proof. induction n as [|k IH]; intros; simpl; [reflexivity|]. rewrite !IH. ring. Qed.

Lemma over_counts_scale : forall p n c f, over_counts p n (fun m => c * f m) = c * over_counts p n f.
Proof. induction n as [|k IH]; intros; simpl; [reflexivity|]. rewrite !IH. ring. Qed.

Lemma over_counts_minus : forall p n f h, over_counts p n (fun m => f m - h m) = over_counts p n f - over_counts p n h.
Proof.
  intros. rewrite (over_counts_ext _ _ _ (fun m => f m + (-1) * h m)) by (intros; ring).
  rewrite over_counts_plus, over_counts_scale. ring.
Qed.

Lemma over_counts_nonneg : forall p n f, 0 <= p <= 1 -> (forall m, (m <= n)%nat -> 0 <= f m) -> 0 <= over_counts p n f.
Proof.
  induction n as [|k IH]; intros f Hp H; simpl; [now apply H|].
  assert (0 <= over_counts p k (fun m => f (S m))) by (apply IH; auto; intros; apply H; lia).
  assert (0 <= over_counts p k f) by (apply IH; auto). nra.
Qed.

Lemma over_counts_pos : forall p n f, 0 < p < 1 -> (forall m, (m <= n)%nat -> 0 <= f m) ->
  (exists m, (m <= n)%nat /\ 0 < f m) -> 0 < over_counts p n f.
Proof.
  induction n as [|k IH]; intros f Hp H [m [Hm Hf]]; simpl; [now replace 0%nat with m by lia|].
  assert (N1 : 0 <= over_counts p k (fun m => f (S m))) by (apply over_counts_nonneg; [lra | intros; apply H; lia]).
  assert (N0 : 0 <= over_counts p k f) by (apply over_counts_nonneg; [lra | auto]).
  destruct m as [|m].
  - assert (0 < over_counts p k f) by (apply IH; auto; exists 0%nat; split; [lia | exact Hf]). nra.
  - assert (0 < over_counts p k (fun m => f (S m)))
      by (apply IH; auto; [intros; apply H; lia | exists m; split; [lia | exact Hf]]). nra.
Qed.

(** The mean changes with p at n times the rate at which one more success changes it. *)
Lemma derive_over_counts : forall p n f,
  is_derive (fun x => over_counts x n f) p
    (INR n * (over_counts p (n - 1) (fun m => f (S m)) - over_counts p (n - 1) f)).
Proof.
  intros p. induction n as [|k IH]; intros f.
  - simpl INR. rewrite Rmult_0_l. cbn [over_counts]. apply (is_derive_const (K := R_AbsRing) (V := R_NormedModule)).
  - replace (S k - 1)%nat with k by lia. rewrite S_INR. cbn [over_counts]. evar_last.
    + apply (is_derive_plus (K := R_AbsRing) (V := R_NormedModule)
        (fun x => x * over_counts x k (fun m => f (S m))) (fun x => (1 - x) * over_counts x k f)).
      * apply (is_derive_mult (fun x => x) (fun x => over_counts x k (fun m => f (S m))));
          [apply (is_derive_id (K := R_AbsRing)) | apply IH | intros; apply Rmult_comm].
      * apply (is_derive_mult (fun x => 1 - x) (fun x => over_counts x k f)) with (df := -1);
          [auto_derive; [easy | ring] | apply IH | intros; apply Rmult_comm].
    + unfold plus, mult, one; simpl. destruct k as [|k]; [simpl; ring|].
      replace (S k - 1)%nat with k by lia. cbn [over_counts]. ring.
Qed.

Lemma over_counts_const : forall p n c, over_counts p n (fun _ => c) = c.
Proof. induction n as [|k IH]; intros; simpl; [reflexivity|]. rewrite !IH. ring. Qed.

(** A success more likely belongs to a group with many: E[N h(N)] of n + 1 responses is (n + 1) p E[h(N + 1)] of n. *)
Lemma over_counts_size_bias : forall p n h,
  over_counts p (S n) (fun m => INR m * h m) = INR (S n) * p * over_counts p n (fun m => h (S m)).
Proof.
  intros p. induction n as [|k IH]; intros h; [simpl; ring|].
  change (over_counts p (S (S k)) ?f) with (p * over_counts p (S k) (fun m => f (S m)) + (1 - p) * over_counts p (S k) f).
  cbv beta. rewrite (over_counts_ext p (S k) (fun m => INR (S m) * h (S m)) (fun m => INR m * h (S m) + h (S m)))
    by (intros; rewrite S_INR; ring).
  rewrite over_counts_plus, (IH (fun m => h (S m))), (IH h), (S_INR (S k)). cbn [over_counts]. ring.
Qed.

Definition none (m : nat) : R := match m with O => 1 | S _ => 0 end.

Lemma over_counts_none : forall p n, over_counts p n none = (1 - p) ^ n.
Proof.
  induction n as [|k IH]; [reflexivity|]. cbn [over_counts]. rewrite IH.
  change (fun m : nat => none (S m)) with (fun _ : nat => 0). rewrite over_counts_const. simpl. ring.
Qed.

(** ** Groups *)

Section Groups.

Context {X : Type}.
Variable arms : list X.

(** A policy with a parameter theta, as in [sampled_groups]: scores are derivatives of log-probabilities. *)
Variables (pi : R -> X -> R) (theta0 : R) (score : X -> R).
Hypothesis Hsum : forall theta, sum arms (pi theta) = 1.
Hypothesis Hscore : forall a, is_derive (fun theta => pi theta a) theta0 (pi theta0 a * score a).

(** Which responses are correct, and their numbers of tokens. *)
Variables (correct : X -> bool) (len : X -> R).

Let now := pi theta0.
Definition hit (a : X) : R := if correct a then 1 else 0.
Definition miss (a : X) : R := 1 - hit a.
Definition count (g : list X) : nat := length (filter correct g).
Let p := mean arms now hit.

Lemma mean_miss : mean arms now miss = 1 - p.
Proof.
  unfold mean, miss. rewrite (sum_ext _ arms _ (fun a => now a - now a * hit a)) by (intros; ring).
  rewrite sum_minus. unfold now at 1. rewrite Hsum. reflexivity.
Qed.

(** Sums over responses, by what they add to the number of successes. *)
Lemma mean_by_side : forall f (h : nat -> R),
  sum arms (fun a => now a * (f a * h (if correct a then 1%nat else 0%nat)))
  = mean arms now (fun a => hit a * f a) * h 1%nat + mean arms now (fun a => miss a * f a) * h 0%nat.
Proof.
  intros f h. unfold mean. rewrite <- !sum_scale_right, <- sum_plus. apply sum_ext. intros a _. unfold miss, hit.
  destruct (correct a); ring.
Qed.

Definition shifted (D : nat -> R) (k m : nat) : R := D (k + m)%nat.

Lemma count_cons : forall a g, count (a :: g) = ((if correct a then 1 else 0) + count g)%nat.
Proof. intros. unfold count. simpl. now destruct (correct a). Qed.

Lemma by_side_1 : forall h : nat -> R, sum arms (fun a => now a * h (if correct a then 1%nat else 0%nat))
  = p * h 1%nat + (1 - p) * h 0%nat.
Proof.
  intros h. rewrite <- mean_miss. unfold p, mean. rewrite <- !sum_scale_right, <- sum_plus. apply sum_ext.
  intros a _. unfold miss, hit. destruct (correct a); ring.
Qed.

Lemma expect_count : forall G D, expect arms now G (fun g => D (count g)) = over_counts p G D.
Proof.
  induction G as [|n IH]; intros D; [reflexivity|]. cbn [expect over_counts].
  rewrite (sum_ext _ arms _ (fun a => now a * (fun k => over_counts p n (shifted D k)) (if correct a then 1 else 0)%nat)).
  - rewrite (by_side_1 (fun k => over_counts p n (shifted D k))). reflexivity.
  - intros a _. f_equal. rewrite <- IH. apply expect_ext. intros g _. rewrite count_cons. reflexivity.
Qed.

(** One response carries f, and the others only count. *)
Lemma expect_count_sum : forall n D f,
  expect arms now (S n) (fun g => D (count g) * sum g f)
  = INR (S n) * (mean arms now (fun a => hit a * f a) * over_counts p n (shifted D 1)
                 + mean arms now (fun a => miss a * f a) * over_counts p n D).
Proof.
  induction n as [|n IH]; intros D f.
  - cbn [expect sum]. change (INR 1) with 1. rewrite Rmult_1_l. cbn [over_counts].
    change (shifted D 1 0%nat) with (D 1%nat). rewrite <- (mean_by_side f D). apply sum_ext. intros a _. rewrite count_cons. unfold count. cbn [filter length].
    rewrite Nat.add_0_r. destruct (correct a); ring.
  - set (m := S n). change (expect arms now (S m) ?F) with (sum arms (fun a => now a * expect arms now m (fun g => F (a :: g)))).
    rewrite (sum_ext _ arms _ (fun a =>
      now a * (f a * (fun k => over_counts p m (shifted D k)) (if correct a then 1 else 0)%nat)
      + now a * (fun k => expect arms now m (fun g => shifted D k (count g) * sum g f)) (if correct a then 1 else 0)%nat)).
    + rewrite sum_plus, (mean_by_side f (fun k => over_counts p m (shifted D k))).
      rewrite (by_side_1 (fun k => expect arms now m (fun g => shifted D k (count g) * sum g f))).
      unfold m. rewrite !IH. rewrite (S_INR (S n)). cbn [over_counts].
      change (over_counts p n (shifted (shifted D 1) 1)) with (over_counts p n (fun x => shifted D 1 (S x))).
      change (shifted D 0) with D. change (fun x : nat => D (S x)) with (shifted D 1). ring.
    + intros a _. cbn [sum]. rewrite <- Rmult_plus_distr_l. f_equal. rewrite <- expect_count, <- expect_scale.
      rewrite <- expect_plus. apply expect_ext. intros g _. rewrite count_cons. unfold shifted. ring.
Qed.

(** One response carries f h, or two of them f and h, and the others only count. *)
Lemma expect_count_product : forall n D f h,
  let right := fun e => mean arms now (fun a => hit a * e a) in
  let wrong := fun e => mean arms now (fun a => miss a * e a) in
  expect arms now (S n) (fun g => D (count g) * (sum g f * sum g h))
  = INR (S n) * (right (fun a => f a * h a) * over_counts p n (shifted D 1)
                 + wrong (fun a => f a * h a) * over_counts p n D)
    + INR (S n) * INR n * (right f * right h * over_counts p (n - 1) (shifted D 2)
        + (right f * wrong h + wrong f * right h) * over_counts p (n - 1) (shifted D 1)
        + wrong f * wrong h * over_counts p (n - 1) D).
Proof.
  induction n as [|n IH]; intros D f h right wrong.
  - cbn [expect sum]. change (INR 1) with 1. change (INR 0) with 0. rewrite Rmult_1_l, Rmult_0_r, Rmult_0_l, Rplus_0_r.
    cbn [over_counts]. change (shifted D 1 0%nat) with (D 1%nat). unfold right, wrong.
    rewrite <- (mean_by_side (fun a => f a * h a) D). apply sum_ext. intros a _. rewrite count_cons. unfold count.
    cbn [filter length]. rewrite Nat.add_0_r. destruct (correct a); ring.
  - set (m := S n).
    change (expect arms now (S m) ?F) with (sum arms (fun a => now a * expect arms now m (fun g => F (a :: g)))).
    rewrite (sum_ext _ arms _ (fun a =>
      now a * (f a * h a * (fun k => over_counts p m (shifted D k)) (if correct a then 1 else 0)%nat)
      + (now a * (f a * (fun k => expect arms now m (fun g => shifted D k (count g) * sum g h))
           (if correct a then 1 else 0)%nat)
      + (now a * (h a * (fun k => expect arms now m (fun g => shifted D k (count g) * sum g f))
           (if correct a then 1 else 0)%nat)
      + now a * (fun k => expect arms now m (fun g => shifted D k (count g) * (sum g f * sum g h)))
           (if correct a then 1 else 0)%nat)))).
    + rewrite !sum_plus. rewrite (mean_by_side (fun a => f a * h a) (fun k => over_counts p m (shifted D k))).
      rewrite (mean_by_side f (fun k => expect arms now m (fun g => shifted D k (count g) * sum g h))).
      rewrite (mean_by_side h (fun k => expect arms now m (fun g => shifted D k (count g) * sum g f))).
      rewrite (by_side_1 (fun k => expect arms now m (fun g => shifted D k (count g) * (sum g f * sum g h)))).
      unfold m. rewrite !IH, !expect_count_sum. fold (right f) (wrong f) (right h) (wrong h).
      fold (right (fun a => f a * h a)) (wrong (fun a => f a * h a)).
      replace (S n - 1)%nat with n by lia. rewrite (S_INR (S n)), (S_INR n).
      change (shifted (shifted D 1) 1) with (shifted D 2). change (shifted (shifted D 1) 2) with (shifted D 3).
      change (shifted D 0) with D. cbn [over_counts].
      change (fun x : nat => shifted D 1 (S x)) with (shifted D 2). change (fun x : nat => D (S x)) with (shifted D 1).
      destruct n as [|k]; [change (INR 0) with 0; ring|]. replace (S k - 1)%nat with k by lia. cbn [over_counts].
      change (fun x : nat => shifted D 2 (S x)) with (shifted D 3).
      change (fun x : nat => shifted D 1 (S x)) with (shifted D 2). change (fun x : nat => D (S x)) with (shifted D 1).
      ring.
    + intros a _. cbn [sum]. rewrite <- !Rmult_plus_distr_l. f_equal. rewrite <- expect_count, <- !expect_scale.
      rewrite <- !expect_plus. apply expect_ext. intros g _. rewrite count_cons. unfold shifted. ring.
Qed.

Lemma mean_plus_sides : forall f,
  mean arms now (fun a => hit a * f a) + mean arms now (fun a => miss a * f a) = mean arms now f.
Proof.
  intros f. unfold mean. rewrite <- sum_plus. apply sum_ext. intros. unfold miss. ring.
Qed.

(** With the weight 1 / (G |o|) of each response two baselines b and b', and a scale sigma, all three functions of the
    number of successes, differ by D-bar grad E[1/|o|] + (D-bar' / G) grad E[(r - p)/|o|], p held fixed, where D-bar is
    the mean of D = (b' - b) / sigma over groups and D-bar' its derivative by the success rate. The gradient of
    E[D (1/G) sum of 1/|o|] is that and a multiple of the success rate's gradient. *)
Theorem estimators_baseline_difference_remainder : forall G (b b' sigma : nat -> R), (1 <= G)%nat ->
  let g_of b := fun g =>
    sum g (fun a => / (INR G * len a) * ((hit a - b (count g)) / sigma (count g)) * score a) in
  let D n := (b' n - b n) / sigma n in
  let difference := expect arms now G (g_of b) - expect arms now G (g_of b') in
  exists inverse rest slope rate multiple,
    is_derive (fun theta => mean arms (pi theta) (fun a => / len a)) theta0 inverse
    /\ is_derive (fun theta => mean arms (pi theta) (fun a => (hit a - p) * / len a)) theta0 rest
    /\ is_derive (fun x => over_counts x G D) p slope
    /\ difference = over_counts p G D * inverse + slope / INR G * rest
    /\ is_derive (fun theta => mean arms (pi theta) hit) theta0 rate
    /\ is_derive (fun theta => expect arms (pi theta) G (fun g => D (count g) * sum g (fun a => / len a) / INR G)) theta0
         (difference + multiple * rate).
Proof.
  intros G b b' sigma HG g_of D difference. destruct G as [|n]; [lia|].
  assert (Hn : 0 < INR (S n)) by (apply lt_0_INR; lia).
  set (right := fun e : X -> R => mean arms now (fun a => hit a * e a)).
  set (wrong := fun e : X -> R => mean arms now (fun a => miss a * e a)).
  set (f := fun a => / len a). set (h := fun a => f a * score a).
  assert (E : difference = right h * over_counts p n (shifted D 1) + wrong h * over_counts p n D).
  { unfold difference. rewrite <- expect_minus.
    rewrite (expect_ext arms now (S n) _ (fun g => / INR (S n) * (D (count g) * sum g h))).
    - rewrite expect_scale, expect_count_sum. fold (right h) (wrong h). field. lra.
    - intros g _. unfold g_of. rewrite <- sum_minus, <- !sum_scale. apply sum_ext. intros a _. unfold D, h, f, Rdiv.
      rewrite Rinv_mult. ring. }
  exists (mean arms now h), (mean arms now (fun a => ((hit a - p) * f a) * score a)),
    (INR (S n) * (over_counts p n (shifted D 1) - over_counts p n D)), (mean arms now (fun a => hit a * score a)),
    (INR n * (right f * (over_counts p (n - 1) (shifted D 2) - over_counts p (n - 1) (shifted D 1))
              + wrong f * (over_counts p (n - 1) (shifted D 1) - over_counts p (n - 1) D))).
  split; [| split; [| split; [| split; [| split]]]].
  - apply derive_mean. exact Hscore.
  - apply (derive_mean arms pi theta0 score Hscore (fun a => (hit a - p) * f a)).
  - pose proof (derive_over_counts p (S n) D) as H. replace (S n - 1)%nat with n in H by lia. exact H.
  - rewrite E. assert (R1 : mean arms now (fun a => ((hit a - p) * f a) * score a) = right h - p * mean arms now h).
    { unfold right, mean. rewrite <- sum_scale, <- sum_minus. apply sum_ext. intros. unfold h. ring. }
    rewrite R1, <- (mean_plus_sides h). fold (right h) (wrong h). cbn [over_counts].
    change (fun m : nat => D (S m)) with (shifted D 1). field. lra.
  - apply derive_mean. exact Hscore.
  - evar_last; [apply derive_expect; exact Hscore|]. fold now.
    rewrite (expect_ext arms now (S n) _ (fun g => / INR (S n) * (D (count g) * (sum g f * sum g score)))).
    + rewrite expect_scale, expect_count_product. rewrite E. fold (right f) (wrong f) (right score) (wrong score).
      change (mean arms now (fun a => hit a * (f a * score a))) with (right h).
      change (mean arms now (fun a => miss a * (f a * score a))) with (wrong h).
      assert (Z : wrong score = - right score).
      { pose proof (mean_plus_sides score) as M. fold (right score) (wrong score) in M.
        pose proof (mean_score arms pi theta0 score Hsum Hscore) as Z. fold now in Z. lra. }
      rewrite Z. change (mean arms now (fun a => hit a * score a)) with (right score). field. lra.
    + intros g _. unfold f, Rdiv. ring.
Qed.

(** The deviation of rewards in a group of G with n successes. *)
Definition spread (G n : nat) : R := sqrt (INR n / INR G * (1 - INR n / INR G)).

Lemma sum_hit : forall g, sum g hit = INR (count g).
Proof.
  induction g as [|a g IH]; [reflexivity|]. rewrite count_cons. cbn [sum]. rewrite IH, plus_INR. unfold hit.
  destruct (correct a); simpl; ring.
Qed.

Lemma average_hit : forall g, average (map hit g) = INR (count g) / size g.
Proof.
  intros g. unfold average. rewrite sum_map, size_map. change (sum g (fun a => hit a)) with (sum g hit).
  now rewrite sum_hit.
Qed.

Lemma std_hit : forall g, g <> [] -> std (map hit g) = sqrt (INR (count g) / size g * (1 - INR (count g) / size g)).
Proof.
  intros g Hg. pose proof (size_pos _ g Hg). unfold std, squares. f_equal. rewrite average_hit, sum_map, size_map.
  rewrite (sum_ext _ g _ (fun a => (1 - 2 * (INR (count g) / size g)) * hit a + (INR (count g) / size g) ^ 2)).
  - rewrite sum_plus, sum_scale, sum_const, sum_hit. field. lra.
  - intros a _. unfold hit. destruct (correct a); ring.
Qed.

Lemma spread_pos : forall G n, (0 < n < G)%nat -> 0 < spread G n /\ 0 < INR n / INR G < 1.
Proof.
  intros G n [H0 H1]. apply lt_INR in H0, H1. simpl in H0.
  assert (0 < INR n / INR G) by (apply Rdiv_lt_0_compat; lra).
  assert (INR n / INR G < 1) by (apply Rmult_lt_reg_r with (INR G); [lra|]; unfold Rdiv;
    rewrite Rmult_assoc, Rinv_l; lra).
  split; [apply sqrt_lt_R0; nra | lra].
Qed.

(** GRPO's expected gradient with the weight 1 / (G |o|) of each response is alpha times the gradient of E[r/|o|] plus
    beta times that of E[(1 - r)/|o|], with alpha > 0 > beta: it favours short responses among the correct ones and long
    ones among the wrong ones. *)
Theorem estimators_length_bias : forall G, (2 <= G)%nat -> 0 < p < 1 ->
  exists alpha beta right wrong,
    is_derive (fun theta => mean arms (pi theta) (fun a => hit a * / len a)) theta0 right
    /\ is_derive (fun theta => mean arms (pi theta) (fun a => miss a * / len a)) theta0 wrong
    /\ expect arms now G (fun g => sum g (fun a => / (INR G * len a) * grpo 0 (map hit g) (hit a) * score a))
       = alpha * right + beta * wrong
    /\ alpha > 0 /\ beta < 0.
Proof.
  intros G HG Hp. destruct G as [|[|n]]; [lia | lia |]. set (m := S n).
  set (A1 := fun k => (1 - INR k / INR (S m)) / spread (S m) k). set (A0 := fun k => (0 - INR k / INR (S m)) / spread (S m) k).
  assert (Hm : 0 < INR (S m)) by (apply lt_0_INR; lia).
  exists (over_counts p m (shifted A1 1)), (over_counts p m A0),
    (mean arms now (fun a => (hit a * / len a) * score a)), (mean arms now (fun a => (miss a * / len a) * score a)).
  split; [| split; [| split; [| split]]].
  - apply (derive_mean arms pi theta0 score Hscore (fun a => hit a * / len a)).
  - apply (derive_mean arms pi theta0 score Hscore (fun a => miss a * / len a)).
  - set (h1 := fun a => (hit a * / len a) * score a). set (h0 := fun a => (miss a * / len a) * score a).
    rewrite (expect_ext arms now (S m) _ (fun g => / INR (S m) * (A1 (count g) * sum g h1 + A0 (count g) * sum g h0))).
    + rewrite expect_scale, expect_plus, !expect_count_sum.
      assert (Z1 : forall a, hit a * h1 a = h1 a /\ miss a * h1 a = 0 /\ hit a * h0 a = 0 /\ miss a * h0 a = h0 a)
        by (intros a; unfold h1, h0, miss, hit; destruct (correct a); repeat split; ring).
      unfold mean at 1 2 3 4.
      rewrite (sum_ext _ arms (fun a => now a * (hit a * h1 a)) (fun a => now a * h1 a))
        by (intros a _; destruct (Z1 a) as [-> _]; reflexivity).
      rewrite (sum_ext _ arms (fun a => now a * (miss a * h1 a)) (fun _ => 0))
        by (intros a _; destruct (Z1 a) as [_ [-> _]]; ring).
      rewrite (sum_ext _ arms (fun a => now a * (hit a * h0 a)) (fun _ => 0))
        by (intros a _; destruct (Z1 a) as [_ [_ [-> _]]]; ring).
      rewrite (sum_ext _ arms (fun a => now a * (miss a * h0 a)) (fun a => now a * h0 a))
        by (intros a _; destruct (Z1 a) as [_ [_ [_ ->]]]; reflexivity).
      rewrite !sum_const. fold (mean arms now h1) (mean arms now h0). field. lra.
    + intros g Hg. assert (Ng : g <> []) by (intros ->; discriminate Hg).
      rewrite <- !sum_scale, <- sum_plus, <- sum_scale. apply sum_ext. intros a _. unfold grpo.
      rewrite average_hit, (std_hit g Ng). unfold size. rewrite Hg, Rplus_0_r. fold (spread (S m) (count g)).
      unfold A1, A0, h1, h0, miss, hit, Rdiv. rewrite Rinv_mult. destruct (correct a); ring.
  - apply over_counts_pos; [exact Hp | |].
    + intros k Hk. unfold shifted, A1. destruct (Nat.eq_dec k m) as [-> | N].
      * replace (1 + m)%nat with (S m) by lia. unfold Rdiv. rewrite Rinv_r, Rminus_diag_eq by lra. lra.
      * destruct (spread_pos (S m) (1 + k)) as [P1 P2]; [lia|]. left. apply Rdiv_lt_0_compat; lra.
    + exists 0%nat. split; [lia|]. unfold shifted, A1. destruct (spread_pos (S m) (1 + 0)) as [P1 P2]; [lia|].
      apply Rdiv_lt_0_compat; lra.
  - enough (0 < over_counts p m (fun k => - A0 k)).
    { rewrite (over_counts_ext _ _ _ (fun k => (-1) * A0 k)) in H by (intros; ring). rewrite over_counts_scale in H. lra. }
    assert (Q : forall k, - A0 k = INR k / INR (S m) / spread (S m) k) by (intros; unfold A0, Rdiv; ring).
    apply over_counts_pos; [exact Hp | |].
    + intros k Hk. rewrite Q. destruct (Nat.eq_dec k 0) as [-> | N].
      * simpl INR. unfold Rdiv. rewrite !Rmult_0_l. lra.
      * destruct (spread_pos (S m) k) as [P1 P2]; [lia|]. left. apply Rdiv_lt_0_compat; lra.
    + exists 1%nat. split; [lia|]. rewrite Q. destruct (spread_pos (S m) 1) as [P1 P2]; [lia|].
      apply Rdiv_lt_0_compat; lra.
Qed.

(** ** Advantages of the own reward and the number of successes *)

(** An estimator gives n successes the advantage A1 n each, and the failures A0 n each; alpha and beta are their means
    given the own reward, which makes one success of one response more. *)
Definition advantage (A1 A0 : nat -> R) (g : list X) (a : X) : R := if correct a then A1 (count g) else A0 (count g).
Definition alpha (A1 : nat -> R) (G : nat) : R := over_counts p (G - 1) (shifted A1 1).
Definition beta (A0 : nat -> R) (G : nat) : R := over_counts p (G - 1) A0.

Lemma expect_advantage : forall G A1 A0 f, (1 <= G)%nat ->
  expect arms now G (fun g => sum g (fun a => / INR G * (advantage A1 A0 g a * f a)))
  = alpha A1 G * mean arms now (fun a => hit a * f a) + beta A0 G * mean arms now (fun a => miss a * f a).
Proof.
  intros G A1 A0 f HG. destruct G as [|n]; [lia|]. assert (Hn : 0 < INR (S n)) by (apply lt_0_INR; lia).
  set (f1 := fun a => hit a * f a). set (f0 := fun a => miss a * f a).
  rewrite (expect_ext arms now (S n) _ (fun g => / INR (S n) * (A1 (count g) * sum g f1 + A0 (count g) * sum g f0))).
  - rewrite expect_scale, expect_plus, !expect_count_sum. unfold alpha, beta. replace (S n - 1)%nat with n by lia.
    assert (Z : forall a, hit a * f1 a = f1 a /\ miss a * f1 a = 0 /\ hit a * f0 a = 0 /\ miss a * f0 a = f0 a)
      by (intros a; unfold f1, f0, miss, hit; destruct (correct a); repeat split; ring).
    unfold mean at 1 2 3 4.
    rewrite (sum_ext _ arms (fun a => now a * (hit a * f1 a)) (fun a => now a * f1 a))
      by (intros a _; destruct (Z a) as [-> _]; reflexivity).
    rewrite (sum_ext _ arms (fun a => now a * (miss a * f1 a)) (fun _ => 0))
      by (intros a _; destruct (Z a) as [_ [-> _]]; ring).
    rewrite (sum_ext _ arms (fun a => now a * (hit a * f0 a)) (fun _ => 0))
      by (intros a _; destruct (Z a) as [_ [_ [-> _]]]; ring).
    rewrite (sum_ext _ arms (fun a => now a * (miss a * f0 a)) (fun a => now a * f0 a))
      by (intros a _; destruct (Z a) as [_ [_ [_ ->]]]; reflexivity).
    rewrite !sum_const. fold (mean arms now f1) (mean arms now f0). field. lra.
  - intros g _. rewrite <- !sum_scale, <- sum_plus, <- sum_scale. apply sum_ext. intros a _.
    unfold advantage, f1, f0, miss, hit. destruct (correct a); ring.
Qed.

Lemma mean_miss_score : mean arms now (fun a => miss a * score a) = - mean arms now (fun a => hit a * score a).
Proof.
  pose proof (mean_plus_sides score) as M. pose proof (mean_score arms pi theta0 score Hsum Hscore) as Z. fold now in Z.
  lra.
Qed.

(** Divided by a constant L instead of numbers of tokens, the expected gradient of every such estimator is a multiple of
    the success rate's gradient. *)
Theorem estimators_length_pressure_constant : forall G A1 A0 L, (1 <= G)%nat ->
  exists rate, is_derive (fun theta => mean arms (pi theta) hit) theta0 rate
  /\ expect arms now G (fun g => sum g (fun a => / INR G * (advantage A1 A0 g a * (/ L * score a))))
     = (alpha A1 G - beta A0 G) / L * rate.
Proof.
  intros G A1 A0 L HG. exists (mean arms now (fun a => hit a * score a)). split; [apply derive_mean; exact Hscore|].
  rewrite expect_advantage by exact HG.
  assert (E : forall w, mean arms now (fun a => w a * (/ L * score a)) = / L * mean arms now (fun a => w a * score a))
    by (intros; unfold mean; rewrite <- sum_scale; apply sum_ext; intros; ring).
  rewrite !E, mean_miss_score. unfold Rdiv. ring.
Qed.

(** With the weight 1 / (G |o|) of each response, and numbers b, b' and sigma that are the same for every group, such as
    those of the whole population, two baselines differ by (b' - b) / sigma times the gradient of E[1/|o|]. *)
Theorem estimators_baseline_difference_per_response : forall G b b' sigma, (1 <= G)%nat ->
  let g_of b := fun g => sum g (fun a => / (INR G * len a) * ((hit a - b) / sigma) * score a) in
  is_derive (fun theta => (b' - b) / sigma * mean arms (pi theta) (fun a => / len a)) theta0
    (expect arms now G (g_of b) - expect arms now G (g_of b')).
Proof.
  intros G b b' sigma HG g_of. destruct G as [|n]; [lia|]. assert (Hn : 0 < INR (S n)) by (apply lt_0_INR; lia).
  evar_last; [apply is_derive_scal, derive_mean; exact Hscore|]. fold now. rewrite <- expect_minus.
  rewrite (expect_ext arms now (S n) _
    (fun g => (b' - b) / sigma * / INR (S n) * sum g (fun a => / len a * score a))).
  - rewrite expect_scale, expect_sum by apply Hsum. fold now. set (c := (b' - b) / sigma). field. lra.
  - intros g _. unfold g_of. rewrite <- sum_minus, <- sum_scale. apply sum_ext. intros. unfold Rdiv. rewrite Rinv_mult.
    ring.
Qed.

(** Let 1/|o| have the same mean among correct as among all responses, along the path: lengths tell nothing of
    correctness. With the weight 1 / (G |o|) of each response the expected gradient of an estimator is then
    (alpha - beta) E[1/|o|] times the success rate's gradient, plus the mean advantage times the gradient of E[1/|o|]:
    the net push. Advantages that add up to 0 in every group, as GRPO's do, have none. *)
Theorem estimators_net_push : forall G A1 A0, (1 <= G)%nat ->
  (forall theta, mean arms (pi theta) (fun a => hit a * / len a)
     = mean arms (pi theta) hit * mean arms (pi theta) (fun a => / len a)) ->
  let push := expect arms now G (fun g => sum g (fun a => / INR G * (advantage A1 A0 g a * 1))) in
  (exists rate inverse,
     is_derive (fun theta => mean arms (pi theta) hit) theta0 rate
     /\ is_derive (fun theta => mean arms (pi theta) (fun a => / len a)) theta0 inverse
     /\ expect arms now G (fun g => sum g (fun a => / INR G * (advantage A1 A0 g a * (/ len a * score a))))
        = (alpha A1 G - beta A0 G) * mean arms now (fun a => / len a) * rate + push * inverse)
  /\ ((forall g, length g = G -> sum g (advantage A1 A0 g) = 0) -> push = 0).
Proof.
  intros G A1 A0 HG Hind push. set (f := fun a => / len a * score a).
  set (rate := mean arms now (fun a => hit a * score a)). set (m := mean arms now (fun a => / len a)).
  assert (Hrate : is_derive (fun theta => mean arms (pi theta) hit) theta0 rate) by (apply derive_mean; exact Hscore).
  assert (Hinv : is_derive (fun theta => mean arms (pi theta) (fun a => / len a)) theta0 (mean arms now f))
    by (apply derive_mean; exact Hscore).
  assert (Right : mean arms now (fun a => hit a * f a) = rate * m + p * mean arms now f).
  { pose proof (derive_mean arms pi theta0 score Hscore (fun a => hit a * / len a)) as D. fold now in D.
    assert (D' : is_derive (fun theta => mean arms (pi theta) (fun a => hit a * / len a)) theta0
                   (rate * m + p * mean arms now f)).
    { apply (is_derive_ext (fun theta => mean arms (pi theta) hit * mean arms (pi theta) (fun a => / len a))).
      - intros t. symmetry. apply Hind.
      - evar_last; [apply (is_derive_mult (fun theta => mean arms (pi theta) hit)
          (fun theta => mean arms (pi theta) (fun a => / len a))); [exact Hrate | exact Hinv | intros; apply
          Rmult_comm]|].
        reflexivity. }
    rewrite <- (is_derive_unique _ _ _ D'). symmetry. apply is_derive_unique.
    evar_last; [exact D|]. apply sum_ext. intros. unfold f. ring. }
  assert (Push : push = alpha A1 G * p + beta A0 G * (1 - p)).
  { unfold push. rewrite (expect_advantage G A1 A0 (fun _ => 1)) by exact HG.
    assert (H1 : mean arms now (fun a => hit a * 1) = p) by (apply sum_ext; intros; ring).
    assert (H0 : mean arms now (fun a => miss a * 1) = 1 - p) by (rewrite <- mean_miss; apply sum_ext; intros; ring).
    now rewrite H1, H0. }
  split.
  - exists rate, (mean arms now f). split; [exact Hrate | split; [exact Hinv |]].
    pose proof (expect_advantage G A1 A0 f HG) as E. unfold f at 1 in E. rewrite E, Push, Right.
    assert (Wrong : mean arms now (fun a => miss a * f a) = mean arms now f - (rate * m + p * mean arms now f))
      by (rewrite <- Right; pose proof (mean_plus_sides f); lra).
    rewrite Wrong. fold m. ring.
  - intros H0. unfold push. rewrite (expect_ext arms now G _ (fun _ => 0)).
    + rewrite expect_const; [reflexivity | apply Hsum].
    + intros g Hg. rewrite (sum_ext _ g _ (fun a => / INR G * advantage A1 A0 g a)) by (intros; ring).
      rewrite sum_scale. change (sum g (fun a => advantage A1 A0 g a)) with (sum g (advantage A1 A0 g)).
      rewrite H0 by exact Hg. ring.
Qed.

(** ** A batch *)

(** Let the weight be Q over the tokens of a batch of Q prompts, of which the others have some number of tokens. Then
    two baselines b and b' differ by the gradient, by the law of the prompt's own group, of the mean of Q D over the
    batch's tokens, D = (b' - b) / sigma. And in the credit of a response, the mean over cases of Q G D over its own and
    all other tokens Z, a length l exceeds another l' by (l' - l) times a number between E[D] / (Q G longest^2) and
    E[D] / (Q G shortest^2), if D is nowhere negative: the pressure falls as 1/Q. *)
Theorem estimators_baseline_difference_batch : forall (G Q : nat) (b b' sigma : list X -> R) (others : R),
  (1 <= G)%nat -> (1 <= Q)%nat ->
  let tokens := fun g : list X => sum g len + others in
  let g_of b := fun g => sum g (fun a => INR Q / tokens g * ((hit a - b g) / sigma g) * score a) in
  is_derive (fun theta => expect arms (pi theta) G (fun g => INR Q / tokens g * (b' g - b g) / sigma g)) theta0
    (expect arms now G (g_of b) - expect arms now G (g_of b'))
  /\ forall (Y : Type) (cases : list Y) (chance D Z : Y -> R) shortest longest l l', 0 < shortest -> l <= l' ->
       (forall c, In c cases -> 0 <= chance c /\ 0 <= D c /\ INR Q * INR G * shortest <= l + Z c
                                /\ l' + Z c <= INR Q * INR G * longest) ->
       let credit x := sum cases (fun c => chance c * (INR Q * INR G * D c / (x + Z c))) in
       let mean_D := sum cases (fun c => chance c * D c) in
       (l' - l) * mean_D / (INR Q * INR G * longest ^ 2) <= credit l - credit l'
       /\ credit l - credit l' <= (l' - l) * mean_D / (INR Q * INR G * shortest ^ 2).
Proof.
  intros G Q b b' sigma others HG HQ tokens g_of. split.
  - apply (estimators_baseline_difference arms pi theta0 score Hscore G hit (fun g => INR Q / tokens g) sigma b b').
  - intros Y cases chance D Z s L l l' Hs Hl H credit mean_D.
    assert (Hn : 0 < INR Q * INR G) by (apply Rmult_lt_0_compat; apply lt_0_INR; lia).
    set (n := INR Q * INR G) in *.
    assert (E : credit l - credit l' = sum cases (fun c => chance c * (n * D c / (l + Z c) - n * D c / (l' + Z c)))).
    { unfold credit. rewrite <- sum_minus. apply sum_ext. intros. ring. }
    assert (Lo : (l' - l) * mean_D / (n * L ^ 2) = sum cases (fun c => chance c * ((l' - l) * D c / (n * L ^ 2)))).
    { unfold mean_D. rewrite <- sum_scale, <- sum_divide. apply sum_ext. intros. unfold Rdiv. ring. }
    assert (Up : (l' - l) * mean_D / (n * s ^ 2) = sum cases (fun c => chance c * ((l' - l) * D c / (n * s ^ 2)))).
    { unfold mean_D. rewrite <- sum_scale, <- sum_divide. apply sum_ext. intros. unfold Rdiv. ring. }
    rewrite E, Lo, Up.
    assert (One : forall c, In c cases ->
      (l' - l) * D c / (n * L ^ 2) <= n * D c / (l + Z c) - n * D c / (l' + Z c) <= (l' - l) * D c / (n * s ^ 2)).
    { intros c Hc. destruct (H c Hc) as [_ [HD [H1 H2]]]. set (x := l + Z c) in *. set (y := l' + Z c) in *.
      assert (0 < n * s) by (now apply Rmult_lt_0_compat). assert (Hx : 0 < x) by lra. assert (Hxy : x <= y) by
        (unfold x, y; lra). assert (Hy : 0 < y) by lra. assert (HL : 0 < L) by nra.
      replace (n * D c / x - n * D c / y) with ((l' - l) * D c * (n / (x * y))) by (unfold x, y in *; field; lra).
      assert (HlD : 0 <= (l' - l) * D c) by (apply Rmult_le_pos; lra).
      assert (A1 : / (n * L ^ 2) <= n / (x * y)).
      { replace (/ (n * L ^ 2)) with (n / ((n * L) * (n * L))) by (field; lra). unfold Rdiv.
        apply Rmult_le_compat_l; [lra|]. apply Rinv_le_contravar; [now apply Rmult_lt_0_compat|].
        apply Rmult_le_compat; lra. }
      assert (A2 : n / (x * y) <= / (n * s ^ 2)).
      { replace (/ (n * s ^ 2)) with (n / ((n * s) * (n * s))) by (field; lra). unfold Rdiv.
        apply Rmult_le_compat_l; [lra|]. apply Rinv_le_contravar; [now apply Rmult_lt_0_compat|].
        apply Rmult_le_compat; lra. }
      unfold Rdiv at 1 4. split; apply Rmult_le_compat_l; assumption. }
    split; apply sum_le; intros c Hc; destruct (H c Hc) as [Hch _]; apply Rmult_le_compat_l; try exact Hch;
      now apply One.
Qed.

(** ** Whole responses *)

(** MaxRL's advantage: reward less mean, over the mean; in a group without success all are 0. *)
Definition maxrl (r : list R) (x : R) : R := if Req_EM_T (average r) 0 then 0 else (x - average r) / average r.

Lemma sum_powers : forall n, sum (seq 0 n) (fun k => (1 - p) ^ k) * p = 1 - (1 - p) ^ n.
Proof.
  induction n as [|n IH]; [simpl; ring|]. rewrite seq_S, sum_app. cbn [sum Nat.add]. simpl pow.
  rewrite Rmult_plus_distr_r, IH. ring.
Qed.

Lemma derive_terms : forall n,
  is_derive (fun theta => - sum (seq 1 n) (fun k => (1 - mean arms (pi theta) hit) ^ k / INR k)) theta0
    (sum (seq 0 n) (fun k => (1 - p) ^ k) * mean arms now (fun a => hit a * score a)).
Proof.
  intros n. pose proof (derive_mean arms pi theta0 score Hscore hit) as H. fold now in H.
  set (rate := mean arms now (fun a => hit a * score a)) in *.
  assert (D : forall l, (forall k, In k l -> (1 <= k)%nat) ->
    is_derive (fun theta => - sum l (fun k => (1 - mean arms (pi theta) hit) ^ k / INR k)) theta0
      (sum l (fun k => (1 - p) ^ (k - 1)) * rate)).
  { induction l as [|k l IH]; intros Hl; cbn [sum].
    - rewrite Rmult_0_l. apply (is_derive_ext (fun _ => 0)); [intros; symmetry; apply Ropp_0|].
      apply (is_derive_const (K := R_AbsRing) (V := R_NormedModule)).
    - assert (Hk : 0 < INR k) by (apply lt_0_INR, (Hl k); now left).
      apply (is_derive_ext (fun theta => - ((1 - mean arms (pi theta) hit) ^ k / INR k)
        + - sum l (fun k => (1 - mean arms (pi theta) hit) ^ k / INR k)));
        [intros; symmetry; apply Ropp_plus_distr|].
      rewrite Rmult_plus_distr_r. apply (is_derive_plus (K := R_AbsRing) (V := R_NormedModule)).
      + apply (is_derive_ext (fun theta => (fun x => - ((1 - x) ^ k / INR k)) (mean arms (pi theta) hit)));
          [reflexivity|].
        evar_last.
        * apply (is_derive_comp (fun x => - ((1 - x) ^ k / INR k)) (fun theta => mean arms (pi theta) hit) theta0
            ((1 - p) ^ (k - 1)) rate); [|exact H]. fold now p.
          apply (is_derive_ext (fun x => - / INR k * (1 - x) ^ k)).
          { intros t. change (- / INR k * (1 - t) ^ k = - ((1 - t) ^ k / INR k)). unfold Rdiv. ring. }
          evar_last; [apply is_derive_scal, (is_derive_pow (fun x => 1 - x) k p (-1)); auto_derive; [easy | ring]|].
          replace (Init.Nat.pred k) with (k - 1)%nat by lia. field. lra.
        * unfold scal; simpl. unfold mult; simpl. ring.
      + apply IH. intros j Hj. apply Hl. now right. }
  specialize (D (seq 1 n)). rewrite <- seq_shift, sum_map in D.
  rewrite (sum_ext _ (seq 0 n) (fun k => (1 - p) ^ k) (fun k => (1 - p) ^ (S k - 1))).
  - rewrite <- seq_shift. apply D. intros k Hk. apply in_map_iff in Hk as [j [<- _]]. lia.
  - intros k _. f_equal. lia.
Qed.

(** Refuted: that MaxRL's expected group gradient is that of the first G terms of log p = -(sum of (1-p)^k / k). It is
    that of the first G - 1, which is another one wherever the success rate has a gradient. *)
Theorem maxrl_terms : forall G, (2 <= G)%nat -> 0 < p < 1 ->
  let terms n := fun theta => - sum (seq 1 n) (fun k => (1 - mean arms (pi theta) hit) ^ k / INR k) in
  let expected := expect arms now G (gradient score (fun g a => maxrl (map hit g) (hit a))) in
  is_derive (terms (G - 1)%nat) theta0 expected
  /\ (~ is_derive (fun theta => mean arms (pi theta) hit) theta0 0 -> ~ is_derive (terms G) theta0 expected).
Proof.
  intros G HG Hp terms expected. destruct G as [|[|n]]; [lia | lia |]. set (m := S n).
  assert (Hm : 0 < INR (S m)) by (apply lt_0_INR; lia). replace (S m - 1)%nat with m by lia.
  set (rate := mean arms now (fun a => hit a * score a)).
  assert (E : expected = sum (seq 0 m) (fun k => (1 - p) ^ k) * rate).
  { set (A := fun k => if Nat.eq_dec k 0 then 0 else INR (S m) / INR k). set (B := fun k => if Nat.eq_dec k 0 then 0 else 1).
    set (h1 := fun a => hit a * score a).
    unfold expected.
    rewrite (expect_ext arms now (S m) _ (fun g => / INR (S m) * (A (count g) * sum g h1 - B (count g) * sum g score))).
    - rewrite expect_scale, expect_minus, !expect_count_sum.
      assert (H1 : mean arms now (fun a => hit a * h1 a) = rate)
        by (apply sum_ext; intros a _; unfold h1, hit; destruct (correct a); ring).
      assert (H0 : mean arms now (fun a => miss a * h1 a) = 0).
      { unfold mean. rewrite (sum_ext _ arms _ (fun _ => 0)); [rewrite sum_const; ring|]. intros a _.
        unfold h1, miss, hit. destruct (correct a); ring. }
      assert (Hw : mean arms now (fun a => miss a * score a) = - rate).
      { pose proof (mean_plus_sides score) as M. pose proof (mean_score arms pi theta0 score Hsum Hscore) as Z.
        fold now in Z. fold rate in M. lra. }
      rewrite H1, H0, Hw. fold rate.
      assert (CA : over_counts p m (shifted A 1) * p = 1 - (1 - p) ^ S m).
      { rewrite (over_counts_ext p m (shifted A 1) (fun k => INR (S m) * / INR (S k)))
          by (intros; unfold shifted, A; simpl Nat.add; destruct Nat.eq_dec; [lia | reflexivity]).
        rewrite over_counts_scale.
        replace (INR (S m) * over_counts p m (fun k => / INR (S k)) * p)
          with (INR (S m) * p * over_counts p m (fun k => / INR (S k))) by ring.
        rewrite <- (over_counts_size_bias p m (fun k => / INR k)).
        rewrite (over_counts_ext p (S m) _ (fun k => 1 - none k)).
        - rewrite over_counts_minus, over_counts_const, over_counts_none. reflexivity.
        - intros k _. destruct k as [|k]; [simpl; ring|]. unfold none. field. apply not_0_INR. lia. }
      assert (C1 : over_counts p m (shifted B 1) = 1).
      { rewrite (over_counts_ext p m (shifted B 1) (fun _ => 1)); [apply over_counts_const|].
        intros; unfold shifted, B; simpl Nat.add; destruct Nat.eq_dec; [lia | reflexivity]. }
      assert (C0 : over_counts p m B = 1 - (1 - p) ^ m).
      { rewrite (over_counts_ext p m B (fun k => 1 - none k)).
        - rewrite over_counts_minus, over_counts_const, over_counts_none. reflexivity.
        - intros k _. unfold B. destruct k; simpl; ring. }
      rewrite C1, C0. apply (Rmult_eq_reg_r p); [|lra].
      replace (sum (seq 0 m) (fun k => (1 - p) ^ k) * rate * p)
        with (sum (seq 0 m) (fun k => (1 - p) ^ k) * p * rate) by ring.
      rewrite sum_powers.
      replace (/ INR (S m) * (INR (S m) * (rate * over_counts p m (shifted A 1) + 0 * over_counts p m A)
          - INR (S m) * (rate * 1 + - rate * (1 - (1 - p) ^ m))) * p)
        with (rate * (over_counts p m (shifted A 1) * p) - rate * (1 - p) ^ m * p) by (field; lra).
      rewrite CA. simpl. ring.
    - intros g Hg. unfold gradient, maxrl, size. rewrite average_hit. unfold size. rewrite Hg.
      rewrite (sum_ext _ g _ (fun a => A (count g) * h1 a - B (count g) * score a)).
      + rewrite sum_minus, !sum_scale. unfold Rdiv. ring.
      + intros a Ha. unfold A, B, h1. destruct (Nat.eq_dec (count g) 0) as [Z | Z].
        * rewrite Z. destruct (Req_EM_T (INR 0 / INR (S m)) 0) as [_ | N]; [ring|].
          exfalso. apply N. simpl INR at 1. field. lra.
        * assert (0 < INR (count g)) by (apply lt_0_INR; lia).
          destruct (Req_EM_T (INR (count g) / INR (S m)) 0) as [N | _].
          -- exfalso. assert (0 < INR (count g) / INR (S m)) by (now apply Rdiv_lt_0_compat). lra.
          -- field. lra. }
  split; [rewrite E; apply derive_terms|]. intros Hrate HG'.
  assert (Z : is_derive (terms (S m)) theta0 (sum (seq 0 (S m)) (fun k => (1 - p) ^ k) * rate)) by apply derive_terms.
  assert (U : expected = sum (seq 0 (S m)) (fun k => (1 - p) ^ k) * rate).
  { rewrite <- (is_derive_unique _ _ _ HG'). now apply is_derive_unique. }
  rewrite E, seq_S, sum_app in U. cbn [sum Nat.add] in U. rewrite Rplus_0_r, Rmult_plus_distr_r in U.
  assert (P0 : (1 - p) ^ m * rate = 0) by lra. apply Rmult_integral in P0 as [P0 | P0].
  - assert (0 < (1 - p) ^ m) by (apply pow_lt; lra). lra.
  - apply Hrate. rewrite <- P0. apply derive_mean. exact Hscore.
Qed.

(** Binomial coefficients. *)
Fixpoint choose (n k : nat) : nat :=
  match k, n with
  | O, _ => 1
  | S _, O => 0
  | S j, S m => choose m j + choose m (S j)
  end.

Lemma choose_pos : forall n k, (k <= n)%nat -> (0 < choose n k)%nat.
Proof.
  induction n as [|n IH]; intros [|k] H; simpl; try lia. specialize (IH k). lia.
Qed.

Lemma over_counts_missed : forall x n k,
  over_counts x n (fun c => INR (choose (n - c) k)) = INR (choose n k) * (1 - x) ^ k.
Proof.
  intros x. induction n as [|n IH]; intros k.
  - destruct k; simpl; ring.
  - cbn [over_counts]. rewrite (over_counts_ext x n (fun c => INR (choose (S n - S c) k)) (fun c => INR (choose (n - c) k)))
      by (intros; reflexivity).
    rewrite IH. destruct k as [|k].
    + rewrite (over_counts_ext x n _ (fun _ => 1)) by (intros; destruct (S n - m)%nat; reflexivity).
      rewrite over_counts_const. destruct n; simpl; ring.
    + rewrite (over_counts_ext x n _ (fun c => INR (choose (n - c) k) + INR (choose (n - c) (S k)))).
      * rewrite over_counts_plus, !IH. simpl choose. rewrite plus_INR. simpl. ring.
      * intros c Hc. replace (S n - c)%nat with (S (n - c)) by lia. simpl choose. now rewrite plus_INR.
Qed.

(** The estimate 1 - C(n-c, k) / C(n, k), of c correct responses among n, has as its mean the chance that one of k
    responses is correct: for every policy, every n and every k up to n. *)
Theorem estimators_pass_at_k : forall n k, (k <= n)%nat ->
  expect arms now n (fun g => 1 - INR (choose (n - count g) k) / INR (choose n k)) = 1 - (1 - p) ^ k.
Proof.
  intros n k H. assert (Hc : 0 < INR (choose n k)) by (apply lt_0_INR, choose_pos, H).
  rewrite (expect_count n (fun c => 1 - INR (choose (n - c) k) / INR (choose n k))).
  rewrite (over_counts_ext p n _ (fun c => 1 - / INR (choose n k) * INR (choose (n - c) k)))
    by (intros; unfold Rdiv; ring).
  rewrite over_counts_minus, over_counts_const, over_counts_scale, over_counts_missed. field. lra.
Qed.

End Groups.

(** ** One threshold *)

(** The likelihood ratio of m successes in n between the rates y and x. *)
Definition likelihood (x y : R) (n m : nat) : R := (y / x) ^ m * ((1 - y) / (1 - x)) ^ (n - m).

Lemma over_counts_change : forall x y n f, 0 < x < 1 ->
  over_counts y n f = over_counts x n (fun m => likelihood x y n m * f m).
Proof.
  intros x y n f Hx. revert f. induction n as [|k IH]; intros f; [unfold likelihood; simpl; ring|].
  cbn [over_counts]. rewrite !IH.
  rewrite (over_counts_ext x k (fun m => likelihood x y (S k) (S m) * f (S m))
    (fun m => (y / x) * (likelihood x y k m * f (S m)))) by (intros; unfold likelihood; simpl; ring).
  rewrite (over_counts_ext x k (fun m => likelihood x y (S k) m * f m)
    (fun m => ((1 - y) / (1 - x)) * (likelihood x y k m * f m))).
  - rewrite !over_counts_scale. field. lra.
  - intros m Hm. unfold likelihood. replace (S k - m)%nat with (S (k - m)) by lia. simpl. ring.
Qed.

Lemma pow_falls : forall b m n, 0 < b < 1 -> (m <= n)%nat -> b ^ n <= b ^ m.
Proof.
  intros b m n Hb H. replace n with (m + (n - m))%nat by lia. rewrite pow_add.
  assert (0 < b ^ m) by (apply pow_lt; lra). assert (b ^ (n - m) <= 1).
  { rewrite <- (pow1 (n - m)). apply pow_incr. lra. }
  nra.
Qed.

Lemma likelihood_rises : forall x y n m m', 0 < x < y -> y < 1 -> (m < m')%nat ->
  0 < likelihood x y n m < likelihood x y n m'.
Proof.
  intros x y n m m' Hx Hy Hm. set (a := y / x). set (b := (1 - y) / (1 - x)).
  assert (Ha : 1 < a).
  { unfold a. apply Rmult_lt_reg_r with x; [lra|]. unfold Rdiv. rewrite Rmult_assoc, Rinv_l; lra. }
  assert (Hb : 0 < b < 1).
  { unfold b. split; [apply Rdiv_lt_0_compat; lra|]. apply Rmult_lt_reg_r with (1 - x); [lra|]. unfold Rdiv.
    rewrite Rmult_assoc, Rinv_l; lra. }
  unfold likelihood. fold a b. assert (0 < a ^ m) by (apply pow_lt; lra).
  assert (0 < b ^ (n - m)) by (apply pow_lt; lra). assert (a ^ m < a ^ m') by (apply Rlt_pow; assumption).
  assert (b ^ (n - m) <= b ^ (n - m')) by (apply pow_falls; [exact Hb | lia]). split; nra.
Qed.

(** A function of the number of successes that is first nowhere negative, then nowhere positive, has a mean that at most
    once turns from positive to negative as the success rate rises. *)
Lemma one_crossing : forall n k f x y, 0 < x < y -> y < 1 -> (k <= S n)%nat ->
  (forall m, (m < k)%nat -> 0 <= f m) -> (forall m, (k <= m <= n)%nat -> f m <= 0) ->
  (exists m, (m <= n)%nat /\ f m <> 0) -> 0 <= over_counts y n f -> 0 < over_counts x n f.
Proof.
  intros n k f x y Hx Hy Hk Hup Hdown [e [He Hf]] H.
  set (c := likelihood x y n k). assert (Hc : 0 < c) by (apply (likelihood_rises x y n k (S k)); auto).
  assert (Gap : forall m, (m <= n)%nat -> 0 <= c * f m - likelihood x y n m * f m /\
            (f m <> 0 -> m <> k -> 0 < c * f m - likelihood x y n m * f m)).
  { intros m Hm. destruct (Nat.lt_trichotomy m k) as [L | [-> | L]].
    - specialize (Hup m L). pose proof (likelihood_rises x y n m k Hx Hy L) as Q. fold c in Q.
      split; [nra | intros N _; assert (0 < f m) by lra; nra].
    - fold c. split; [lra | easy].
    - assert (f m <= 0) by (apply Hdown; lia). pose proof (likelihood_rises x y n k m Hx Hy L) as Q. fold c in Q.
      split; [nra | intros N _; assert (f m < 0) by lra; nra]. }
  assert (E : over_counts x n (fun m => c * f m - likelihood x y n m * f m) = c * over_counts x n f - over_counts y n f).
  { rewrite over_counts_minus, over_counts_scale. rewrite <- over_counts_change by lra. reflexivity. }
  destruct (classic (exists m, (m <= n)%nat /\ f m <> 0 /\ m <> k)) as [[m [M1 [M2 M3]]] | None].
  - assert (0 < over_counts x n (fun m => c * f m - likelihood x y n m * f m)).
    { apply over_counts_pos; [lra | intros; now apply Gap | exists m; split; [exact M1 | now apply Gap]]. }
    rewrite E in H0. nra.
  - assert (Only : forall m, (m <= n)%nat -> m <> k -> f m = 0).
    { intros m Hm Hn. destruct (Req_dec (f m) 0) as [Z | Z]; [exact Z|]. exfalso. apply None. now exists m. }
    assert (e = k) by (destruct (Nat.eq_dec e k) as [|N]; [assumption | exfalso; apply Hf; now apply Only]). subst e.
    assert (f k <= 0) by (apply Hdown; lia). exfalso.
    assert (0 < over_counts y n (fun m => - f m)).
    { apply over_counts_pos; [lra | |].
      - intros m Hm. destruct (Nat.eq_dec m k) as [-> | N]; [lra | rewrite Only by assumption; lra].
      - exists k. split; [lia | lra]. }
    rewrite (over_counts_ext _ _ _ (fun m => (-1) * f m)) in H1 by (intros; ring). rewrite over_counts_scale in H1. lra.
Qed.

(** What QAE's advantages have more than GRPO's in a group of G with n successes; 0 for groups that are not mixed. *)
Definition added (K : R) (G n : nat) : R := (INR n / INR G - quantile_baseline K (INR n / INR G)) / spread G n.

Lemma pivot : forall (H : nat -> Prop), (forall m, {H m} + {~ H m}) -> (forall m m', (m <= m')%nat -> H m' -> H m) ->
  forall n, exists k, (k <= S n)%nat /\ forall m, (m <= n)%nat -> (H m <-> (m < k)%nat).
Proof.
  intros H Dec Down n. induction n as [|n [k [Hk E]]].
  - destruct (Dec 0%nat) as [Y | N]; [exists 1%nat | exists 0%nat]; split; try lia; intros m Hm;
      replace m with 0%nat by lia; split; intros; auto; try lia; contradiction.
  - destruct (Dec (S n)) as [Y | N].
    + exists (S (S n)). split; [lia|]. intros m Hm. split; [lia | intros; apply (Down m (S n)); auto].
    + exists k. split; [lia|]. intros m Hm. destruct (Nat.eq_dec m (S n)) as [-> | M]; [|apply E; lia].
      split; [contradiction | lia].
Qed.

(** Let [weight m l] be the mean weight in the loss of a response of l tokens, of whose group m others are correct: 1/l,
    or a common weight over all tokens. The credit that QAE adds to it is the mean of that weight times [added]. If it
    favours the shorter of two lengths, which weighs more, at some success rate, then it does so at every lower one:
    there is one threshold at most. For correct responses (own = 1) and for wrong ones (own = 0). *)
Theorem estimators_length_pressure_sign : forall G K (own : nat) (weight : nat -> R -> R) short long x y,
  (2 <= G)%nat -> 0 < K < 1 -> (own <= 1)%nat -> (forall m, weight m long < weight m short) -> 0 < x < y -> y < 1 ->
  let credit p l := over_counts p (G - 1) (fun m => weight m l * added K G (own + m)) in
  credit y long <= credit y short -> credit x long < credit x short.
Proof.
  intros G K own weight short long x y HG HK Hown Hw Hx Hy credit Hc.
  set (f := fun m => weight m short * added K G (own + m) - weight m long * added K G (own + m)).
  assert (E : forall p, over_counts p (G - 1) f = credit p short - credit p long)
    by (intros; unfold f, credit; apply over_counts_minus).
  enough (0 < over_counts x (G - 1) f) by (rewrite E in H; lra).
  assert (HGp : 0 < INR G) by (apply lt_0_INR; lia).
  destruct (pivot (fun m => INR (own + m) / INR G <= 1 - K)) with (n := (G - 1)%nat) as [k [Hk Ek]].
  - intros m. apply Rle_dec.
  - intros m m' Hm Hm'. eapply Rle_trans; [|exact Hm']. apply Rmult_le_compat_r.
    + left. now apply Rinv_0_lt_compat.
    + apply le_INR. lia.
  - assert (Range : forall m, (m <= G - 1)%nat -> (own + m = 0 \/ own + m = G \/ 0 < own + m < G)%nat) by lia.
    assert (F : forall m, f m = (weight m short - weight m long) * added K G (own + m)) by (intros; unfold f; ring).
    assert (Ends : added K G 0 = 0 /\ added K G G = 0).
    { unfold added, quantile_baseline. split.
      - replace (INR 0 / INR G) with 0 by (simpl INR; field; lra). destruct Rle_dec; [unfold Rdiv; ring | lra].
      - replace (INR G / INR G) with 1 by (field; lra). destruct Rle_dec; [lra | unfold Rdiv; ring]. }
    destruct Ends as [E0 EG].
    apply (one_crossing (G - 1) k f x y); auto.
    + intros m Hm. rewrite F. specialize (Hw m). apply Rmult_le_pos; [lra|].
      assert (M : (m <= G - 1)%nat) by lia. pose proof (proj2 (Ek m M) Hm) as Hard.
      destruct (Range m M) as [-> | [-> | I]]; [lra | lra |]. destruct (spread_pos G _ I) as [S1 S2].
      unfold added, quantile_baseline. destruct Rle_dec; [|contradiction]. left. apply Rdiv_lt_0_compat; lra.
    + intros m Hm. rewrite F. specialize (Hw m).
      assert (Easy : ~ INR (own + m) / INR G <= 1 - K) by (intros Y; apply Ek in Y; lia).
      enough (added K G (own + m) <= 0) by nra.
      destruct (Range m (proj2 Hm)) as [-> | [-> | I]]; [lra | lra |]. destruct (spread_pos G _ I) as [S1 S2].
      unfold added, quantile_baseline. destruct Rle_dec; [contradiction|].
      enough (0 < (1 - INR (own + m) / INR G) / spread G (own + m)) by (unfold Rdiv in *; lra).
      apply Rdiv_lt_0_compat; lra.
    + exists (1 - own)%nat. split; [lia|]. rewrite F. specialize (Hw (1 - own)%nat).
      replace (own + (1 - own))%nat with 1%nat by lia. destruct (spread_pos G 1) as [S1 S2]; [lia|].
      unfold added, quantile_baseline. apply Rmult_integral_contrapositive. split; [lra|]. unfold Rdiv at 1.
      apply Rmult_integral_contrapositive. split; [destruct Rle_dec; lra | apply Rinv_neq_0_compat; lra].
    + rewrite E. lra.
Qed.
