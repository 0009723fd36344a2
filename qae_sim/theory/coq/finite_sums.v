(** Sums over finite lists.

    Arms of a policy and responses of a group are lists, of any length. [sum l f] is the sum of f(a) over the elements a
    of l, [sum_pairs l f] that of f(a, c) over all pairs of places a before c. *)

From Coq Require Import Reals List Lra Lia.
Import ListNotations.
Open Scope R_scope.

Fixpoint sum {X : Type} (l : list X) (f : X -> R) : R :=
  match l with
  | [] => 0
  | a :: rest => f a + sum rest f
  end.

Fixpoint sum_pairs {X : Type} (l : list X) (f : X -> X -> R) : R :=
  match l with
  | [] => 0
  | a :: rest => sum rest (f a) + sum_pairs rest f
  end.

(** The number of elements, as a real number. *)
Definition size {X : Type} (l : list X) : R := INR (length l).

Lemma size_cons : forall (X : Type) (a : X) l, size (a :: l) = 1 + size l.
Proof. intros. unfold size. simpl length. rewrite S_INR. lra. Qed.

Lemma size_nonneg : forall (X : Type) (l : list X), 0 <= size l.
Proof. intros. apply pos_INR. Qed.

Lemma size_pos : forall (X : Type) (l : list X), l <> [] -> 0 < size l.
Proof. intros X [|a l] H; [easy|]. rewrite size_cons. pose proof (size_nonneg X l). lra. Qed.

Lemma sum_ext : forall (X : Type) (l : list X) f g, (forall a, In a l -> f a = g a) -> sum l f = sum l g.
Proof.
  induction l as [|a l IH]; intros f g H; simpl; [reflexivity|].
  rewrite (H a) by now left. rewrite (IH f g); [reflexivity|]. intros c Hc. apply H. now right.
Qed.

Lemma sum_plus : forall (X : Type) (l : list X) f g, sum l (fun a => f a + g a) = sum l f + sum l g.
Proof. induction l as [|a l IH]; intros; simpl; [lra|]. rewrite IH. lra. Qed.

Lemma sum_minus : forall (X : Type) (l : list X) f g, sum l (fun a => f a - g a) = sum l f - sum l g.
Proof. induction l as [|a l IH]; intros; simpl; [lra|]. rewrite IH. lra. Qed.

Lemma sum_scale : forall (X : Type) (l : list X) c f, sum l (fun a => c * f a) = c * sum l f.
Proof. induction l as [|a l IH]; intros; simpl; [lra|]. rewrite IH. lra. Qed.

Lemma sum_scale_right : forall (X : Type) (l : list X) c f, sum l (fun a => f a * c) = sum l f * c.
Proof. induction l as [|a l IH]; intros; simpl; [lra|]. rewrite IH. lra. Qed.

Lemma sum_divide : forall (X : Type) (l : list X) c f, sum l (fun a => f a / c) = sum l f / c.
Proof. intros. unfold Rdiv. apply sum_scale_right. Qed.

Lemma sum_const : forall (X : Type) (l : list X) c, sum l (fun _ => c) = size l * c.
Proof.
  induction l as [|a l IH]; intros; [unfold size; simpl; lra|]. rewrite size_cons. simpl. rewrite IH. lra.
Qed.

Lemma sum_swap : forall (X Y : Type) (l : list X) (m : list Y) f,
  sum l (fun a => sum m (fun c => f a c)) = sum m (fun c => sum l (fun a => f a c)).
Proof.
  induction l as [|a l IH]; intros; simpl.
  - rewrite sum_const. lra.
  - rewrite IH, <- sum_plus. reflexivity.
Qed.

Lemma sum_nonneg : forall (X : Type) (l : list X) f, (forall a, In a l -> 0 <= f a) -> 0 <= sum l f.
Proof.
  induction l as [|a l IH]; intros f H; simpl; [lra|].
  assert (0 <= f a) by (apply H; now left). assert (0 <= sum l f) by (apply IH; intros; apply H; now right). lra.
Qed.

Lemma sum_pos : forall (X : Type) (l : list X) f, l <> [] -> (forall a, In a l -> 0 < f a) -> 0 < sum l f.
Proof.
  intros X [|a l] f Hl H; [easy|]. simpl. assert (0 < f a) by (apply H; now left).
  assert (0 <= sum l f) by (apply sum_nonneg; intros; left; apply H; now right). lra.
Qed.

Lemma sum_nonneg_zero : forall (X : Type) (l : list X) f,
  (forall a, In a l -> 0 <= f a) -> sum l f = 0 -> forall a, In a l -> f a = 0.
Proof.
  induction l as [|c l IH]; intros f H Hs a Ha; simpl in *; [easy|].
  assert (0 <= f c) by (apply H; now left). assert (0 <= sum l f) by (apply sum_nonneg; intros; apply H; now right).
  destruct Ha as [<- | Ha]; [lra|]. apply IH; [intros; apply H; now right | lra | assumption].
Qed.

Lemma sum_map : forall (X Y : Type) (h : X -> Y) l f, sum (map h l) f = sum l (fun a => f (h a)).
Proof. induction l as [|a l IH]; intros; simpl; [reflexivity|]. now rewrite IH. Qed.

Lemma size_map : forall (X Y : Type) (h : X -> Y) l, size (map h l) = size l.
Proof. intros. unfold size. now rewrite map_length. Qed.

Lemma sum_app : forall (X : Type) (l m : list X) f, sum (l ++ m) f = sum l f + sum m f.
Proof. induction l as [|a l IH]; intros; simpl; [lra|]. rewrite IH. lra. Qed.

Lemma sum_le : forall (X : Type) (l : list X) f g, (forall a, In a l -> f a <= g a) -> sum l f <= sum l g.
Proof.
  intros X l f g H. assert (0 <= sum l (fun a => g a - f a)).
  { apply sum_nonneg. intros a Ha. specialize (H a Ha). lra. }
  rewrite sum_minus in H0. lra.
Qed.

Lemma sum_pairs_nonneg : forall (X : Type) (l : list X) f, (forall a c, 0 <= f a c) -> 0 <= sum_pairs l f.
Proof.
  induction l as [|a l IH]; intros f H; simpl; [lra|].
  assert (0 <= sum l (f a)) by (apply sum_nonneg; auto). specialize (IH f H). lra.
Qed.

(** If no pair counts less than 0 and all together 0, then each counts 0. *)
Lemma sum_pairs_zero : forall (X : Type) (l : list X) f,
  (forall a c, 0 <= f a c) -> (forall a c, f a c = f c a) -> (forall a, f a a = 0) ->
  sum_pairs l f = 0 -> forall a c, In a l -> In c l -> f a c = 0.
Proof.
  induction l as [|d l IH]; intros f Hn Hs Hd H a c Ha Hc; simpl in *; [easy|].
  assert (0 <= sum l (f d)) by (apply sum_nonneg; auto). pose proof (sum_pairs_nonneg X l f Hn).
  assert (Hrow : forall x, In x l -> f d x = 0) by (apply sum_nonneg_zero; auto; lra).
  destruct Ha as [<- | Ha], Hc as [<- | Hc]; auto.
  - rewrite Hs. auto.
  - apply IH; auto. lra.
Qed.
