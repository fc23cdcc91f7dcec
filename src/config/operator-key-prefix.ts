/** How the text of every operator key begins. No sold key begins so, and scanners for leaked secrets can look for it. */
export const operatorKeyPrefix = 'sk_op_'
