//! What the machine can do at best, and what a job's other stages take.

use serde::{Deserialize, Serialize};

use super::Stage;

/// What the machine reached at best in the same run, to hold stages against. A rate of a CUDA
/// device is absent where there is none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Ceilings {
    /// The instruction set that the multiply-adds ran on: `avx512`, `avx2`, `neon`, `portable`.
    pub isa: String,
    /// f32 operations a second of one core, a fused multiply-add counting as two.
    pub fma_one_core_flop_per_s: f64,
    /// The same of all cores at once.
    pub fma_all_cores_flop_per_s: f64,
    /// Bytes a second that one core copies from memory to memory, each byte counted once.
    pub copy_one_core_bytes_per_s: f64,
    /// The same of all cores at once.
    pub copy_all_cores_bytes_per_s: f64,
    /// PNG pictures of 28x28 pixels a second that one core decodes.
    pub decode_one_core_images_per_s: f64,
    /// Bytes a second from pinned host memory to the device.
    pub h2d_pinned_bytes_per_s: Option<f64>,
    /// Bytes a second from pageable host memory to the device.
    pub h2d_pageable_bytes_per_s: Option<f64>,
    /// Bytes a second from the device to pinned host memory.
    pub d2h_pinned_bytes_per_s: Option<f64>,
    /// Bytes a second from the device to pageable host memory.
    pub d2h_pageable_bytes_per_s: Option<f64>,
}

/// The stages of a batch-transform job around those of a cell, measured once a run by one thread
/// over a sample of PNG files in the temporary folder: what an object costs besides its inference.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct JobStages {
    /// Objects measured.
    pub objects: u64,
    /// Opening and reading a file.
    pub read: Stage,
    /// From the bytes of a PNG to pixels.
    pub decode: Stage,
    /// From a prediction to the bytes of an output.
    pub encode: Stage,
    /// Writing an output, whole or not at all.
    pub write: Stage,
}
