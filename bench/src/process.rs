//! Processor time of processes and of the machine, as Linux counts it.

use std::time::Duration;

use crate::Failure;

/// Linux tells processor time to programs in hundredths of a second, whatever its own clock.
const TICK: Duration = Duration::from_millis(10);

/// What the process `pid` has used since it began, in its own code and in the kernel's.
pub(crate) fn cpu_of(pid: u32) -> Result<Duration, Failure> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The program's name may hold spaces; what follows its closing bracket does not.
    let (_, fields) = stat.rsplit_once(')').ok_or("/proc tells nothing of the process")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u32>).sum::<Result<u32, _>>()?;
    Ok(TICK.saturating_mul(ticks))
}

/// What all processors together have been busy with since the machine began, waiting for disks left out.
pub(crate) fn cpu_of_machine() -> Result<Duration, Failure> {
    let stat = std::fs::read_to_string("/proc/stat")?;
    let all = stat.lines().next().and_then(|line| line.strip_prefix("cpu")).ok_or("/proc tells nothing of the processors")?;
    let ticks: Vec<u64> = all.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    // user, nice, system, idle, iowait, irq, softirq: proc_stat(5).
    let busy: u64 = ticks.iter().take(7).enumerate().filter(|(place, _)| !matches!(place, 3 | 4)).map(|(_, ticks)| ticks).sum();
    Ok(TICK.saturating_mul(u32::try_from(busy)?))
}
