/* Sixteen rows of a panel times one vector, by the vector extension (RVV 1.0, VLEN of 128 or more): lanes are rows, a
   byte of each is moved up and down again to get its sign. Only where sstatus.VS can be on (slm_kernels.c).
   void slm_rvv_q8(int64_t totals[16], const uint8_t *panel, const struct slm_block *x, uint32_t blocks); and slm_rvv_q4 */

    .equ BLOCK, 40              /* struct slm_block: q, sum at 32, scale at 36, shift at 38 */
    .equ SUM, 32
    .equ SCALE, 36
    .equ SHIFT, 38

    /* t0 = the weights of block a4, t1 = its scales; a pair of blocks has `pair` bytes of weights, then 64 of scales */
    .macro find pair
    srli t2, a4, 1
    li t3, \pair + 64
    mul t2, t2, t3
    add t2, t2, a1
    andi t3, a4, 1
    li t0, \pair / 2
    mul t0, t0, t3
    add t0, t0, t2
    slli t1, t3, 5
    add t1, t1, t2
    addi t1, t1, \pair
    .endm

    /* totals (v24) += sums (v8) * the rows' scales * the vector's << its shift */
    .macro settle
    vsetivli zero, 16, e16, m2, ta, ma
    vle16.v v16, (t1)
    vsetivli zero, 16, e32, m4, ta, ma
    vsext.vf2 v12, v16
    lh t6, SCALE(a2)
    vmul.vx v12, v12, t6
    vwmul.vv v16, v8, v12
    lhu t6, SHIFT(a2)
    vsetivli zero, 16, e64, m8, ta, ma
    vsll.vx v16, v16, t6
    vadd.vv v24, v24, v16
    addi a2, a2, BLOCK
    addi a4, a4, 1
    .endm

    .text
    .globl slm_rvv_q8
slm_rvv_q8:
    vsetivli zero, 16, e64, m8, ta, ma
    vmv.v.i v24, 0
    li a4, 0
1:  bgeu a4, a3, 3f
    find 1024
    vsetivli zero, 16, e32, m4, ta, ma
    vmv.v.i v8, 0
    mv t5, a2
    li t4, 8
2:  vle32.v v0, (t0)
    .irp column, 0, 1, 2, 3
    vsll.vi v4, v0, 24 - 8 * \column
    vsra.vi v4, v4, 24
    lb t6, \column(t5)
    vmacc.vx v8, t6, v4
    .endr
    addi t0, t0, 64
    addi t5, t5, 4
    addi t4, t4, -1
    bnez t4, 2b
    settle
    j 1b
3:  vsetivli zero, 16, e64, m8, ta, ma
    vse64.v v24, (a0)
    ret

    .globl slm_rvv_q4
slm_rvv_q4:
    vsetivli zero, 16, e64, m8, ta, ma
    vmv.v.i v24, 0
    li a4, 0
1:  bgeu a4, a3, 3f
    find 512
    vsetivli zero, 16, e32, m4, ta, ma
    lw t6, SUM(a2)
    slli t6, t6, 3
    neg t6, t6
    vmv.v.x v8, t6
    mv t5, a2
    li t4, 4
2:  vle32.v v0, (t0)
    .irp column, 0, 1, 2, 3
    vsrl.vi v4, v0, 8 * \column
    vand.vi v4, v4, 15
    lb t6, \column(t5)
    vmacc.vx v8, t6, v4
    vsrl.vi v4, v0, 8 * \column + 4
    vand.vi v4, v4, 15
    lb t6, 16 + \column(t5)
    vmacc.vx v8, t6, v4
    .endr
    addi t0, t0, 64
    addi t5, t5, 4
    addi t4, t4, -1
    bnez t4, 2b
    settle
    j 1b
3:  vsetivli zero, 16, e64, m8, ta, ma
    vse64.v v24, (a0)
    ret
