//! The fused network as an operation of the tensor library: tensors enter, the kernels see flat slices.
//!
//! It is one operation, because the library's own element by element work on large tensors waits in a busy loop for
//! threads of its own, which take the processor from the kernels' threads: behind the embeddings no tensor of the size of
//! a batch is left to it.

use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::{CpuStorage, CustomOp3, Device, Error, Layout, Result, Shape, Storage, Tensor};

use super::parts::{DropoutMasks, FusedNetwork};
use crate::batch::Batch;

/// The fused network, shared between the network, which uses it again in every step, and the graph of the step.
#[derive(Debug, Clone)]
pub(super) struct SharedNetwork(Arc<Mutex<Passes>>);

#[derive(Debug)]
pub(super) struct Passes {
    pub(super) network: FusedNetwork,
    /// Forward passes so far; a backward pass belongs to the last one only.
    count: u64,
}

impl SharedNetwork {
    pub(super) fn new(network: FusedNetwork) -> Self {
        Self(Arc::new(Mutex::new(Passes { network, count: 0 })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Passes> {
        // A pass that panicked leaves nothing that the next one reads.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One step's pass through the network.
pub(super) struct Operation {
    batch: Arc<Batch>,
    masks: DropoutMasks,
    network: SharedNetwork,
    /// Which of the network's forward passes was this operation's.
    pass: AtomicU64,
}

impl Operation {
    pub(super) fn new(batch: &Arc<Batch>, masks: DropoutMasks, network: &SharedNetwork) -> Self {
        Self { batch: Arc::clone(batch), masks, network: network.clone(), pass: AtomicU64::new(0) }
    }
}

impl CustomOp3 for Operation {
    fn name(&self) -> &'static str {
        "slirec"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let arguments = [contiguous(s1, l1)?, contiguous(s2, l2)?, contiguous(s3, l3)?];
        let mut logits = vec![0.0; self.batch.candidate_targets.len()];
        let mut passes = self.network.lock();
        passes.count += 1;
        self.pass.store(passes.count, Ordering::Relaxed);
        passes.network.forward(&self.batch, arguments, self.masks, &mut logits);
        Ok((CpuStorage::F32(logits), (self.batch.groups(), self.batch.candidates).into()))
    }

    fn bwd(
        &self,
        targets: &Tensor,
        short_term: &Tensor,
        others: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let gradient = gradient.contiguous()?;
        let (storage, layout) = gradient.storage_and_layout();
        let logit_gradients = on_cpu(storage.deref(), layout)?;
        let storages = [targets, short_term, others].map(Tensor::storage_and_layout);
        let [first, second, third] = storages.each_ref().map(|(storage, layout)| on_cpu(storage.deref(), layout));
        let arguments = [first?, second?, third?];
        let mut passes = self.network.lock();
        if passes.count != self.pass.load(Ordering::Relaxed) {
            return Err(Error::msg("the network has passed forward again since: its values are gone"));
        }
        let mut gradients = arguments.map(|values| vec![0.0; values.len()]);
        let into = gradients.each_mut().map(Vec::as_mut_slice);
        passes.network.backward(&self.batch, arguments, self.masks, logit_gradients, into);
        let [first, second, third] = gradients;
        let tensor = |values, like: &Tensor| Tensor::from_vec(values, like.shape(), &Device::Cpu).map(Some);
        Ok((tensor(first, targets)?, tensor(second, short_term)?, tensor(third, others)?))
    }
}

fn contiguous<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let range = layout.contiguous_offsets();
    let values = storage.as_slice::<f32>()?;
    range.and_then(|(start, end)| values.get(start..end)).ok_or_else(|| Error::msg("an argument is not contiguous"))
}

fn on_cpu<'a>(storage: &'a Storage, layout: &Layout) -> Result<&'a [f32]> {
    match storage {
        Storage::Cpu(storage) => contiguous(storage, layout),
        Storage::Cuda(_) | Storage::Metal(_) => Err(Error::msg("an argument is not in the processor's memory")),
    }
}
