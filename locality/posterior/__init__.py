"""The posterior engine: softmax averages over a bank of images.

`reference.py` is the definition in ten lines; everything else computes it, faster and in bounded memory.
A denoiser has an engine, an engine a plan, a plan kernels; a kernel passes over a view of the bank, and
what it leaves is a state.

    reference   the formula, by brute force in float64
    engine      what a denoiser asks for (solve, posterior, pullback, fields), and its autograd
    plan        which kernel, in which type: the cheapest that is usable and precise enough
    kernel      what a kernel is: usable, cost, error, weigh, transpose, fields; and the one rule that chooses
    seen        what a kernel probes candidates with
    view        some candidates, wherever they are: read in parts and chunks that fit a memory budget
    softmax     Weighed: the partial softmax, and the one way to merge two
    rounding    how large the numbers of a pass are, and so whether float32 can hold them

    whole       one softmax for the image: the optimal denoiser
    nearest     the image with its largest weight
    blocks      its distances: products of 8 bits or of float32, and float64 for the few that need it
    wrappers    engines made of engines: batches of the bank, noisy copies of the image
    chosen      one that mixes, output by output, the two neighbouring parts that its entropy asks for
    gathered    one more: the noisy images of all ranks that share a bank
    masked/     a softmax for each output, over images: rows, plans, kernels (dense, compiled), composite,
                code, proxies, subset, fields; table, row_sums and passes are compiled
    patches/    a softmax for each pixel, over all patches at all places: kernels (dense, compiled);
                windows and passes are compiled
    triton/     on GPUs: running says where; masked and patches are kernels, of tiles, by launching; passes
                and patch_passes are compiled by Triton
    vectors/    what compiled code is made of: llvm, lines, table_rows, softmax, reading, compiling, threads
"""
