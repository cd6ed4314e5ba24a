"""What every certificate starts with: Coq's reals, and the tactics for side conditions."""

ALGEBRA = """From Coq Require Import Reals Lra.
Open Scope R_scope.

(* Positive: a hypothesis, a linear consequence of the hypotheses, or a sum, product or power of positive terms. *)
Ltac nonneg := first
  [ apply pow2_ge_0 | match goal with |- 0 <= ?u * (?u * 1) => apply (pow2_ge_0 u) end
  | apply Rle_0_sqr | apply Rlt_le; assumption
  | apply Rmult_le_pos; nonneg | apply pow_le; nonneg | apply Rplus_le_le_0_compat; nonneg | lra ].
Ltac pos := first
  [ assumption | lra | apply exp_pos | (rewrite <- ln_1; apply ln_increasing; lra) | apply PI_RGT_0
  | apply Rplus_lt_0_compat; pos | apply Rplus_lt_le_0_compat; [pos | nonneg]
  | apply Rplus_le_lt_0_compat; [nonneg | pos]
  | apply Rmult_lt_0_compat; pos | apply pow_lt; pos
  | apply Rinv_0_lt_compat; pos | apply sqrt_lt_R0; pos
  | (apply cos_gt_0; generalize PI_RGT_0; lra) | (apply sin_gt_0; generalize PI_RGT_0; lra) ].

(* A denominator is not 0: by positivity, by a hypothesis up to a constant factor, or factor by factor. *)
Ltac nz0 := first
  [ assumption
  | apply Rgt_not_eq; solve [pos]
  | apply Rlt_not_eq; lra
  | match goal with H : ?d <> 0 |- ?e <> 0 => let Z := fresh in intro Z; apply H; first [lra | rewrite Z; ring] end
  | apply Rinv_neq_0_compat; nz0
  | apply Rmult_integral_contrapositive_currified; nz0
  | apply pow_nonzero; nz0 ].
(* The same, also where terms cancel. *)
Ltac nz1 := first
  [ nz0
  | let Z := fresh in intro Z; ring_simplify in Z; revert Z;
    match goal with |- ?e = 0 -> False => change (e <> 0) end; nz0 ].
Ltac nz := repeat split; nz1.

(* Products of powers are equal where their logarithms are. *)
Lemma ln_of_pow : forall (x : R) (n : nat), 0 < x -> ln (x ^ n) = INR n * ln x.
Proof.
  intros x n Hx; induction n as [|n IH].
  - simpl; rewrite ln_1; ring.
  - rewrite S_INR; simpl pow; rewrite ln_mult by (try apply pow_lt; exact Hx); rewrite IH; ring.
Qed.
Lemma ln_of_sqrt : forall x : R, 0 < x -> ln (sqrt x) = ln x / 2.
Proof.
  intros x Hx; assert (H : ln (sqrt x * sqrt x) = ln x) by (f_equal; apply sqrt_sqrt; lra).
  rewrite ln_mult in H by (apply sqrt_lt_R0; exact Hx); lra.
Qed.
Ltac logarithms := unfold Rdiv;
  repeat first [ rewrite ln_exp | rewrite ln_of_pow by pos | rewrite ln_of_sqrt by pos | rewrite ln_mult by pos
               | rewrite ln_Rinv by pos | rewrite ln_1 ];
  unfold INR; first [ ring | field; nz ].
Ltac powers := unfold Rdiv; apply ln_inv; [ pos | pos | logarithms ].
Tactic Notation "root" constr(b) "as" ident(H) "called" ident(r) :=
  assert (H : sqrt b * sqrt b = b) by (apply sqrt_sqrt; apply Rlt_le; pos);
  assert (0 < sqrt b) by (apply sqrt_lt_R0; pos);
  repeat match goal with |- context [sqrt ?a] =>
    tryif constr_eq a b then fail else (replace (sqrt a) with (sqrt b) by (f_equal; field; nz)) end;
  remember (sqrt b) as r in *.
"""

CALCULUS = """From Coquelicot Require Import Coquelicot.

(* auto_derive, its side conditions, and what it takes to compare its result with the one that was claimed. *)
Ltac jet := match goal with H : is_derive _ _ _ |- ex_derive _ _ => eexists; exact H end.
Ltac side := repeat split; first [ exact I | jet | nz1 | solve [pos] ].
Ltac jets := repeat match goal with
  |- context [Derive ?f ?a] =>
    match goal with H : is_derive ?g ?b ?l |- _ =>
      let E := fresh in assert (E : Derive f a = l) by (apply is_derive_unique; exact H); rewrite E; clear E end end.
(* One way of writing each argument: f a = f b where a = b. *)
Ltac as_supposed f := do 8 try match goal with H : context [f ?a] |- context [f ?b] =>
  tryif constr_eq a b then fail else (replace (f b) with (f a) by (f_equal; field; side)) end.
Ltac alike f := repeat match goal with |- context [f ?a] =>
  match goal with |- context [f ?b] =>
    tryif constr_eq a b then fail else (replace (f b) with (f a) by (f_equal; field; side)) end end.
Ltac doubles := repeat match goal with |- context [exp ?a] =>
  match goal with |- context [exp ?b] =>
    let E := fresh in assert (E : exp b = exp a * exp a) by (rewrite <- exp_plus; f_equal; field; side);
    rewrite E in *; clear E end end.
Ltac angle H := match goal with |- context [sin ?a] =>
  assert (H : sin a * sin a = 1 - cos a * cos a) by (generalize (sin2_cos2 a); unfold Rsqr; lra) end.
Ltac differentiate :=
  unfold Rdiv in *; auto_derive; [ side | jets; alike exp; alike ln; alike sin; alike cos ].
(* A function of two arguments that both move. *)
Lemma chain : forall (f : R -> R -> R) (g h : R -> R) (t df1 df2 dg dh : R),
  differentiable_pt_lim f (g t) (h t) df1 df2 -> is_derive g t dg -> is_derive h t dh ->
  is_derive (fun s : R => f (g s) (h s)) t (df1 * dg + df2 * dh).
Proof.
  intros f g h t df1 df2 dg dh Hf Hg Hh; apply is_derive_Reals.
  apply derivable_pt_lim_comp_2d; [ exact Hf | apply is_derive_Reals; exact Hg | apply is_derive_Reals; exact Hh ].
Qed.
Ltac inner := first [ apply is_derive_id | differentiate; first [ ring | field; side ] ].
"""
