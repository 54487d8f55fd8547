//! The machine and the build that a measurement was made with.

use std::env::consts::{ARCH, OS};
use std::fs;
use std::thread::available_parallelism;

use serde_json::{Value as Json, json};
use slm_kernels::Isa;
use slm_lab::device::{self, DeviceChoice, TrainDevice};

/// The machine and the build, for a file.
pub(super) fn description() -> Json {
    json!({
        "cpu": cpu(),
        "cores": cores(),
        "instructions": Isa::detect().name(),
        "os": OS,
        "architecture": ARCH,
        "version": env!("CARGO_PKG_VERSION"),
        "build": build(),
    })
}

/// The machine and the build, on one line.
pub(super) fn line() -> String {
    let (cpu, cores, isa) = (cpu(), cores(), Isa::detect().name());
    let s = if cores == 1 { "" } else { "s" };
    let program = concat!("slm-lab ", env!("CARGO_PKG_VERSION"));
    format!("{cpu}, {cores} core{s} to use, {isa}, {OS} {ARCH}; {program}, {} build", build())
}

/// What an open device is: a processor's or a graphics card's name.
pub(super) fn device_name(choice: DeviceChoice, opened: &TrainDevice) -> String {
    let TrainDevice::Burn(device) = opened else { return cpu() };
    let lines = device::list();
    let listed = |name: &str| lines.iter().find_map(|line| described(line, name));
    // Without a number it is the first of its kind.
    let first = listed(&format!("{choice}:0"));
    first.or_else(|| listed(&choice.to_string())).unwrap_or_else(|| format!("{device:?}"))
}

/// What a line of the list of devices says of the one called `choice`.
fn described(line: &str, choice: &str) -> Option<String> {
    let rest = line.strip_prefix(choice)?;
    let in_brackets = rest.strip_prefix(" (").and_then(|rest| rest.strip_suffix(')'));
    in_brackets.or(rest.strip_prefix(": ")).map(str::to_owned)
}

/// The most memory this process has held so far, in units of 10⁶ bytes; none where the system does not tell.
pub(super) fn peak_memory_mb() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let kibibytes = field(&status, "VmHWM")?.strip_suffix("kB")?.trim().parse::<f64>().ok()?;
    Some(kibibytes * 1024.0 / 1e6)
}

fn cpu() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    field(&info, "model name").unwrap_or("unknown processor").to_owned()
}

/// What the operating system lets this process use.
fn cores() -> usize {
    available_parallelism().map_or(1, usize::from)
}

fn build() -> &'static str {
    if cfg!(debug_assertions) { "debug" } else { "release" }
}

/// The first value of `name: value` lines.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.map(|(key, value)| (key.trim(), value.trim())).find(|(key, _)| *key == name).map(|l| l.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let text = "model\t\t: 2\nmodel name\t: AMD EPYC\nmodel name\t: other\nVmHWM:\t  1000 kB\n";
        assert_eq!(field(text, "model name"), Some("AMD EPYC"));
        assert_eq!(field(text, "VmHWM"), Some("1000 kB"));
        assert_eq!(field(text, "name"), None);
    }

    #[test]
    fn a_device_is_described_by_its_own_line() {
        let name = |line| described(line, "wgpu:1");
        assert_eq!(name("wgpu:1 (NVIDIA H200)").as_deref(), Some("NVIDIA H200"));
        assert_eq!(name("wgpu:1: NVIDIA H200").as_deref(), Some("NVIDIA H200"));
        assert_eq!(name("wgpu:10 (llvmpipe)"), None);
        let flex = device_name(DeviceChoice::Flex, &device::open(DeviceChoice::Flex).unwrap());
        assert!(flex.starts_with("the processor under"), "{flex}");
    }

    #[test]
    fn the_line_names_cores_and_build() {
        assert!(line().contains(" core") && line().ends_with(" build"), "{}", line());
        assert!(description()["cores"].as_u64().unwrap() >= 1);
    }
}
