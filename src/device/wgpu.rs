//! Graphics cards through WGPU, asked in a thread of its own: a broken driver may panic or hang.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use burn::tensor::wgpu::{WgpuInitError, wgpu};
use burn::tensor::{Device, DeviceKind};

use super::answer::answer;
use super::cards::{Card, CardKind};

/// How long a driver has to answer.
const PATIENCE: Duration = Duration::from_secs(20);
const NO_DRIVER: &str =
    "no graphics driver was found (on Debian: mesa-vulkan-drivers and libvulkan1)";

/// The cards, real ones before software.
pub(super) fn cards() -> Result<Vec<Card>, String> {
    let cards = numbered(&of_one_api(answer(PATIENCE, adapters)?));
    if cards.is_empty() { Err(NO_DRIVER.to_owned()) } else { Ok(cards) }
}

/// The adapters of the first API that has a real one, or else any: Burn settles on it, and a card that two APIs
/// list is one card.
fn of_one_api(mut found: Vec<wgpu::AdapterInfo>) -> Vec<wgpu::AdapterInfo> {
    let real = found.iter().find(|info| info.device_type != wgpu::DeviceType::Cpu);
    if let Some(backend) = real.or(found.first()).map(|info| info.backend) {
        found.retain(|info| info.backend == backend);
    }
    found
}

/// OpenGL is left out: its drivers lack what networks need, and asking them may hang.
fn adapters() -> Vec<wgpu::AdapterInfo> {
    let backends = wgpu::Backends::PRIMARY;
    let descriptor = wgpu::InstanceDescriptor {
        backends,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    };
    let adapters = ready(wgpu::Instance::new(descriptor).enumerate_adapters(backends));
    adapters.iter().map(wgpu::Adapter::get_info).collect()
}

/// Adapters as Burn numbers them: each kind by itself.
fn numbered(found: &[wgpu::AdapterInfo]) -> Vec<Card> {
    let of = |kind: wgpu::DeviceType, card_kind: CardKind, make: fn(usize) -> DeviceKind| {
        let same = found.iter().filter(move |info| info.device_type == kind).enumerate();
        same.map(move |(i, info)| Card {
            name: name(info),
            kind: card_kind,
            start: Box::new(move || start(make(i))),
        })
    };
    of(wgpu::DeviceType::DiscreteGpu, CardKind::Discrete, DeviceKind::DiscreteGpu)
        .chain(of(wgpu::DeviceType::IntegratedGpu, CardKind::Integrated, DeviceKind::IntegratedGpu))
        .chain(of(wgpu::DeviceType::VirtualGpu, CardKind::Virtual, DeviceKind::VirtualGpu))
        .chain(of(wgpu::DeviceType::Cpu, CardKind::Software, |_| DeviceKind::Cpu).take(1))
        .collect()
}

/// An adapter by name, interface and driver.
fn name(info: &wgpu::AdapterInfo) -> String {
    let parts = [info.backend.to_str(), info.driver.trim(), info.driver_info.trim()];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    format!("{}, {}", info.name.trim(), parts.join(" "))
}

fn start(kind: DeviceKind) -> Result<Device, String> {
    let options = Device::wgpu_options().device_kind(kind.clone());
    match answer(PATIENCE, move || options.init())? {
        // It is running already, for an earlier run of this process.
        Err(WgpuInitError::Registration { .. }) => Ok(Device::wgpu(kind)),
        started => started.map_err(|error| error.to_string()),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use wgpu::{AdapterInfo, Backend, DeviceType};

    fn names(adapters: &[(DeviceType, Backend)]) -> Vec<String> {
        let adapter = |&(kind, backend): &_| AdapterInfo {
            name: format!("{kind:?}"),
            ..AdapterInfo::new(kind, backend)
        };
        let found = of_one_api(adapters.iter().map(adapter).collect());
        numbered(&found).into_iter().map(|card| card.name).collect()
    }

    #[test]
    fn a_card_that_two_apis_list_is_one_card() {
        let (gpu, cpu) = (DeviceType::DiscreteGpu, DeviceType::Cpu);
        let both = [
            (gpu, Backend::Vulkan),
            (cpu, Backend::Vulkan),
            (gpu, Backend::Dx12),
            (cpu, Backend::Dx12),
        ];
        assert_eq!(names(&both), ["DiscreteGpu, vulkan", "Cpu, vulkan"]);
        let later = [(cpu, Backend::Vulkan), (gpu, Backend::Dx12)];
        assert_eq!(names(&later), ["DiscreteGpu, dx12"]);
        let software = [(cpu, Backend::Vulkan), (cpu, Backend::Dx12)];
        assert_eq!(names(&software), ["Cpu, vulkan"]);
        assert!(
            names(&[(DeviceType::Other, Backend::Vulkan)]).is_empty(),
            "Burn numbers no others"
        );
    }
}
