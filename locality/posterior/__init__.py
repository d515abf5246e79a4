"""The posterior engine: softmax averages over a bank of images.

`reference.py` is the definition in ten lines; everything else computes it, faster and in bounded memory.

    reference   the formula, by brute force in float64
    engine      Engine: what a denoiser asks for (solve, posterior, pullback, fields), and its autograd
    view        a bank, in chunks that fit a memory budget
    softmax     running softmaxes, and how they are merged
    rounding    which images float32 is good enough for

    whole       one softmax for the image: the optimal denoiser, the nearest image
    wrappers    engines made of engines: batches of the bank, noisy copies of the image

    masked/     a softmax for each output, over images
        rows · kernel (the interface) · dense, compiled (kernels) · plan, plans (which kernel, when)
        engine · fields · composite · subset (who ask) · code, table, row_sums, passes (compiled code)
    patches/    a softmax for each pixel, over all patches at all places
        kernel (the interface) · dense, compiled (kernels) · engine · windows, passes (compiled code)
    vectors/    what compiled code is written in
        llvm · lines · table_rows · softmax · blocks · kernel (compiled and kept) · threads

A denoiser of a bank has an engine; an engine asks a kernel; a kernel scans the bank.
"""
