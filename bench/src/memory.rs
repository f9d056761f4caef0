//! The process's memory, as Linux counts it.

use std::fs;

/// The largest resident set since the start or the last [`forget_peak`], in MiB; `None` where `/proc` does not say.
pub(crate) fn peak_mib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib / 1024)
}

/// Begins to look for the peak anew.
pub(crate) fn forget_peak() {
    fs::write("/proc/self/clear_refs", "5").unwrap_or_default();
}
