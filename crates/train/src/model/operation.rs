//! A fused part of the network as an operation of the tensor library: tensors enter, the kernel sees flat slices.

use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Device, Error, Layout, Result, Shape, Storage, Tensor};

/// A kernel that keeps what its backward pass needs, shared between the network, which uses it again in every step, and
/// the graph of the step.
#[derive(Debug)]
pub(super) struct Kernel<T>(Arc<Mutex<Passes<T>>>);

impl<T> Clone for Kernel<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
pub(super) struct Passes<T> {
    pub(super) kernel: T,
    /// Forward passes so far; a backward pass belongs to the last one only.
    count: u64,
}

/// A kernel that knows how long its passes in training have taken.
#[derive(Debug)]
pub(super) struct Timed<T> {
    pub(super) kernel: T,
    pub(super) forward: Duration,
    pub(super) backward: Duration,
}

impl<T> Timed<T> {
    pub(super) fn new(kernel: T) -> Self {
        Self { kernel, forward: Duration::ZERO, backward: Duration::ZERO }
    }

    pub(super) fn forward(&mut self, pass: impl FnOnce(&mut T)) {
        let started = Instant::now();
        pass(&mut self.kernel);
        self.forward += started.elapsed();
    }

    pub(super) fn backward(&mut self, pass: impl FnOnce(&mut T)) {
        let started = Instant::now();
        pass(&mut self.kernel);
        self.backward += started.elapsed();
    }
}

impl<T> Kernel<T> {
    pub(super) fn new(kernel: T) -> Self {
        Self(Arc::new(Mutex::new(Passes { kernel, count: 0 })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Passes<T>> {
        // A pass that panicked leaves nothing that the next one reads.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A fused part in one step, with `N` differentiable arguments.
pub(super) trait Part<const N: usize>: Send + Sync + 'static {
    /// The kernel.
    type Kernel: Send;
    /// Its name for error messages.
    const NAME: &'static str;

    /// Shape of the result.
    fn shape(&self) -> Shape;
    /// Replaces the result.
    fn forward(&self, kernel: &mut Self::Kernel, arguments: [&[f32]; N], result: &mut [f32]);
    /// Replaces the gradients of the arguments by means of the result's.
    fn backward(&self, kernel: &mut Self::Kernel, arguments: [&[f32]; N], gradient: &[f32], gradients: [&mut [f32]; N]);
}

/// A part with its kernel as an operation.
pub(super) struct Operation<const N: usize, P: Part<N>> {
    part: P,
    kernel: Kernel<P::Kernel>,
    /// Which of the kernel's forward passes was this operation's.
    pass: AtomicU64,
}

impl<const N: usize, P: Part<N>> Operation<N, P> {
    pub(super) fn new(part: P, kernel: &Kernel<P::Kernel>) -> Self {
        Self { part, kernel: kernel.clone(), pass: AtomicU64::new(0) }
    }

    fn forward(&self, arguments: [(&CpuStorage, &Layout); N]) -> Result<(CpuStorage, Shape)> {
        let mut slices: [&[f32]; N] = [&[]; N];
        for (slice, (storage, layout)) in slices.iter_mut().zip(arguments) {
            *slice = contiguous(storage, layout)?;
        }
        let shape = self.part.shape();
        let mut result = vec![0.0; shape.elem_count()];
        let mut passes = self.kernel.lock();
        passes.count += 1;
        self.pass.store(passes.count, Ordering::Relaxed);
        self.part.forward(&mut passes.kernel, slices, &mut result);
        Ok((CpuStorage::F32(result), shape))
    }

    fn backward(&self, arguments: [&Tensor; N], gradient: &Tensor) -> Result<[Tensor; N]> {
        let gradient = gradient.contiguous()?;
        let storages = arguments.map(Tensor::storage_and_layout);
        let mut slices: [&[f32]; N] = [&[]; N];
        for (slice, (storage, layout)) in slices.iter_mut().zip(&storages) {
            *slice = on_cpu(storage.deref(), layout)?;
        }
        let (storage, layout) = gradient.storage_and_layout();
        let gradient = on_cpu(storage.deref(), layout)?;
        let mut passes = self.kernel.lock();
        if passes.count != self.pass.load(Ordering::Relaxed) {
            return Err(Error::msg(format!("{}: the network has passed forward again since", P::NAME)));
        }
        let mut gradients = slices.map(|values| vec![0.0; values.len()]);
        let into = gradients.each_mut().map(Vec::as_mut_slice);
        self.part.backward(&mut passes.kernel, slices, gradient, into);
        let mut tensors = arguments.map(Clone::clone);
        for ((tensor, gradient), argument) in tensors.iter_mut().zip(gradients).zip(arguments) {
            *tensor = Tensor::from_vec(gradient, argument.shape(), &Device::Cpu)?;
        }
        Ok(tensors)
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

impl<P: Part<2>> CustomOp2 for Operation<2, P> {
    fn name(&self) -> &'static str {
        P::NAME
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        self.forward([(s1, l1), (s2, l2)])
    }

    fn bwd(
        &self,
        first: &Tensor,
        second: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let [first, second] = self.backward([first, second], gradient)?;
        Ok((Some(first), Some(second)))
    }
}

impl<P: Part<3>> CustomOp3 for Operation<3, P> {
    fn name(&self) -> &'static str {
        P::NAME
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
        self.forward([(s1, l1), (s2, l2), (s3, l3)])
    }

    fn bwd(
        &self,
        first: &Tensor,
        second: &Tensor,
        third: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let [first, second, third] = self.backward([first, second, third], gradient)?;
        Ok((Some(first), Some(second), Some(third)))
    }
}
