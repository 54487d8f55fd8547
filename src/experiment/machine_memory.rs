//! How much memory a run can have at most.

use std::fs;

use crate::config::Diagnostics;

/// Notes an error at each value of a spec that takes more memory to train than this machine has.
pub fn refuse_beyond_memory(found: &mut Diagnostics) {
    if let Some(memory) = machine_memory() {
        found.refuse_beyond(memory);
    }
}

/// Bytes of memory and swap that this process may use; none where the system does not tell.
fn machine_memory() -> Option<u64> {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| total(&text));
    let group = fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let group = group.and_then(|text| text.trim().parse::<u64>().ok());
    machine.into_iter().chain(group).min()
}

/// Memory and swap of Linux's `/proc/meminfo`, which counts in units of 1024 bytes.
fn total(meminfo: &str) -> Option<u64> {
    let value = |name: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
    };
    Some((value("MemTotal:")? + value("SwapTotal:").unwrap_or(0)) * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_swap_are_added_up() {
        let text = "MemTotal:       1000 kB\nMemFree:  7 kB\nSwapTotal:         24 kB\n";
        assert_eq!(total(text), Some(1024 * 1024));
        assert_eq!(total("MemTotal: 3 kB\n"), Some(3 * 1024));
        assert_eq!(total("SwapTotal: 3 kB\n"), None);
    }
}
