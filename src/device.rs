//! Where networks train: a value chosen at run time, probed before it is made.

use std::fmt;
use std::str::FromStr;

use burn::tensor::Device;

use crate::net::Compute;

/// A device by name, as `--device` takes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The first graphics card that this build can use, else the processor.
    Auto,
    /// The processor.
    #[default]
    Cpu,
    /// The processor under Burn's own kernels: the path of graphics cards, without one.
    Flex,
    /// A graphics card through WGPU (Vulkan, Metal or DirectX), by number.
    Wgpu(usize),
}

/// Why a device can not be used, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// No device has this name.
    #[error("no device is called `{0}`; it takes cpu, auto, wgpu, wgpu:N or flex")]
    Unknown(String),
    /// The device exists, but this program was built without it.
    #[error("{device} is not in this build; {help}")]
    NotInBuild {
        /// The kind of device.
        device: &'static str,
        /// What to do about it.
        help: &'static str,
    },
    /// The machine has no such device, or its driver does not answer.
    #[error("no device {choice} on this machine: {reason}")]
    Missing {
        /// What was asked for.
        choice: DeviceChoice,
        /// What was found instead.
        reason: String,
    },
}

impl DeviceChoice {
    /// The same kind of device, `offset` cards further on; the processor is only one.
    pub fn with_offset(self, offset: usize) -> Self {
        match self {
            Self::Wgpu(index) => Self::Wgpu(index + offset),
            Self::Auto | Self::Cpu | Self::Flex => self,
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Flex => f.write_str("flex"),
            Self::Wgpu(index) => write!(f, "wgpu:{index}"),
        }
    }
}

impl FromStr for DeviceChoice {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<Self, DeviceError> {
        let folded = text.to_ascii_lowercase();
        let (kind, index) = folded.split_once(':').unwrap_or((&folded, "0"));
        let unknown = || DeviceError::Unknown(text.to_owned());
        let index: usize = index.parse().map_err(|_| unknown())?;
        match kind {
            "auto" if folded == kind => Ok(Self::Auto),
            "cpu" if folded == kind => Ok(Self::Cpu),
            "flex" if folded == kind => Ok(Self::Flex),
            "wgpu" => Ok(Self::Wgpu(index)),
            "cuda" => Err(DeviceError::NotInBuild {
                device: "cuda",
                help: "use --device wgpu, which also drives NVIDIA cards, or --device cpu",
            }),
            _ => Err(unknown()),
        }
    }
}

/// A device that is ready.
#[derive(Clone, Debug, PartialEq)]
pub enum TrainDevice {
    /// The processor under fused kernels.
    Cpu,
    /// A device of Burn's.
    Burn(Device),
}

impl TrainDevice {
    /// What trains one agent's networks; on the processor with so many threads.
    pub fn compute(&self, threads: usize) -> Compute {
        match self {
            Self::Cpu => Compute::kernels(threads),
            Self::Burn(device) => Compute::burn(device.clone()),
        }
    }
}

/// Makes the device ready, after seeing that it is there.
///
/// # Errors
/// When the device is not in this build, not in this machine, or its driver does not answer.
pub fn open(choice: DeviceChoice) -> Result<TrainDevice, DeviceError> {
    match choice {
        DeviceChoice::Cpu => Ok(TrainDevice::Cpu),
        DeviceChoice::Flex => Ok(TrainDevice::Burn(Device::flex())),
        DeviceChoice::Wgpu(index) => wgpu::open(index).map(TrainDevice::Burn),
        DeviceChoice::Auto => Ok(wgpu::first_card().map_or(TrainDevice::Cpu, TrainDevice::Burn)),
    }
}

/// What there is to choose from, one line each: a name for `--device`, then what it is.
pub fn list() -> Vec<String> {
    let mut lines =
        vec!["cpu".to_owned(), "flex: the processor under Burn's own kernels, slower".to_owned()];
    lines.extend(wgpu::list());
    lines
}

/// A build without WGPU.
#[cfg(not(feature = "wgpu"))]
mod wgpu {
    use burn::tensor::Device;

    use super::DeviceError;

    pub(super) fn open(_index: usize) -> Result<Device, DeviceError> {
        Err(DeviceError::NotInBuild {
            device: "wgpu",
            help: "build with `cargo build --release --features wgpu`, or use --device cpu",
        })
    }

    pub(super) fn first_card() -> Option<Device> {
        None
    }

    pub(super) fn list() -> Vec<String> {
        vec!["wgpu: not in this build (feature `wgpu`)".to_owned()]
    }
}

/// Graphics cards through WGPU, asked in a thread of its own: a broken driver may panic or hang.
#[cfg(feature = "wgpu")]
mod wgpu {
    use std::pin::pin;
    use std::sync::mpsc;
    use std::task::{Context, Poll, Waker};
    use std::thread;
    use std::time::Duration;

    use burn::tensor::wgpu::{WgpuInitError, wgpu};
    use burn::tensor::{Device, DeviceKind};

    use super::{DeviceChoice, DeviceError};

    /// How long a driver has to answer.
    const PATIENCE: Duration = Duration::from_secs(20);
    const NO_DRIVER: &str =
        "no graphics driver was found (on Debian: mesa-vulkan-drivers and libvulkan1)";

    /// What a driver offers.
    struct Adapter {
        name: String,
        kind: DeviceKind,
    }

    pub(super) fn open(index: usize) -> Result<Device, DeviceError> {
        let missing = |reason| DeviceError::Missing { choice: DeviceChoice::Wgpu(index), reason };
        let adapters = adapters().map_err(missing)?;
        match adapters.get(index) {
            Some(adapter) => start(adapter.kind.clone()).map_err(missing),
            None if adapters.is_empty() => Err(missing(NO_DRIVER.to_owned())),
            None => Err(missing(format!("it has {}, counted from 0", adapters.len()))),
        }
    }

    pub(super) fn first_card() -> Option<Device> {
        let is_card = |adapter: &Adapter| adapter.kind != DeviceKind::Cpu;
        start(adapters().ok()?.into_iter().find(is_card)?.kind).ok()
    }

    pub(super) fn list() -> Vec<String> {
        let line = |(i, adapter): (usize, &Adapter)| format!("wgpu:{i} ({})", adapter.name);
        match adapters() {
            Ok(adapters) if adapters.is_empty() => vec![format!("wgpu: {NO_DRIVER}")],
            Ok(adapters) => adapters.iter().enumerate().map(line).collect(),
            Err(reason) => vec![format!("wgpu: {reason}")],
        }
    }

    fn start(kind: DeviceKind) -> Result<Device, String> {
        let options = Device::wgpu_options().device_kind(kind.clone());
        match answer(move || options.init())? {
            // It is running already, for an earlier run of this process.
            Err(WgpuInitError::Registration { .. }) => Ok(Device::wgpu(kind)),
            started => started.map_err(|error| error.to_string()),
        }
    }

    /// Every adapter, real cards before software. OpenGL is left out: its drivers lack what networks
    /// need, and asking them may hang.
    fn adapters() -> Result<Vec<Adapter>, String> {
        let found = answer(|| {
            let backends = wgpu::Backends::PRIMARY;
            let descriptor = wgpu::InstanceDescriptor {
                backends,
                ..wgpu::InstanceDescriptor::new_without_display_handle()
            };
            let adapters = ready(wgpu::Instance::new(descriptor).enumerate_adapters(backends));
            adapters.iter().map(wgpu::Adapter::get_info).collect::<Vec<_>>()
        })?;
        Ok(numbered(&found))
    }

    /// Adapters as Burn numbers them: each kind by itself.
    fn numbered(found: &[wgpu::AdapterInfo]) -> Vec<Adapter> {
        let of = |kind: wgpu::DeviceType, make: fn(usize) -> DeviceKind| {
            let same = found.iter().filter(move |info| info.device_type == kind).enumerate();
            same.map(move |(i, info)| Adapter { name: info.name.clone(), kind: make(i) })
        };
        of(wgpu::DeviceType::DiscreteGpu, DeviceKind::DiscreteGpu)
            .chain(of(wgpu::DeviceType::IntegratedGpu, DeviceKind::IntegratedGpu))
            .chain(of(wgpu::DeviceType::VirtualGpu, DeviceKind::VirtualGpu))
            .chain(of(wgpu::DeviceType::Cpu, |_| DeviceKind::Cpu).take(1))
            .collect()
    }

    /// What `ask` returns, or why it did not.
    fn answer<T: Send + 'static>(ask: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
        let (sender, receiver) = mpsc::channel();
        let spawned = thread::Builder::new().name("device probe".to_owned()).spawn(move || {
            // Whoever asked may have lost patience.
            let _ = sender.send(ask());
        });
        spawned.map_err(|error| error.to_string())?;
        receiver.recv_timeout(PATIENCE).map_err(|error| match error {
            mpsc::RecvTimeoutError::Timeout => "its driver does not answer".to_owned(),
            mpsc::RecvTimeoutError::Disconnected => "its driver failed".to_owned(),
        })
    }

    /// The value of a future that waits for nothing, as WGPU's are outside browsers.
    fn ready<T>(future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
                return value;
            }
            thread::yield_now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_read_back_from_what_it_prints() {
        for choice in
            [DeviceChoice::Auto, DeviceChoice::Cpu, DeviceChoice::Flex, DeviceChoice::Wgpu(3)]
        {
            assert_eq!(choice.to_string().parse(), Ok(choice));
        }
        assert_eq!("WGPU".parse(), Ok(DeviceChoice::Wgpu(0)));
    }

    #[test]
    fn an_unknown_name_or_number_is_refused() {
        for text in ["tpu", "wgpu:x", "cpu:1", "auto:0", ""] {
            assert_eq!(text.parse::<DeviceChoice>(), Err(DeviceError::Unknown(text.to_owned())));
        }
    }

    #[test]
    fn cuda_says_what_to_use_instead() {
        let error = "cuda:0".parse::<DeviceChoice>().unwrap_err();
        assert!(error.to_string().contains("not in this build; use --device wgpu"), "{error}");
    }

    #[test]
    fn the_offset_counts_cards_and_leaves_the_processor_alone() {
        assert_eq!(DeviceChoice::Wgpu(1).with_offset(2), DeviceChoice::Wgpu(3));
        assert_eq!(DeviceChoice::Cpu.with_offset(2), DeviceChoice::Cpu);
    }

    #[test]
    fn the_processor_is_always_there() {
        assert_eq!(open(DeviceChoice::Cpu), Ok(TrainDevice::Cpu));
        assert_eq!(list()[0], "cpu");
    }
}
