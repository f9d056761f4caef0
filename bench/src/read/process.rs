//! Processor time of processes, as Linux counts it.

use std::time::Duration;

use crate::Failure;

/// Linux tells processor time to programs in hundredths of a second, whatever its own clock.
const TICK: Duration = Duration::from_millis(10);

/// What the process `pid` has used since it began, in its own code and in the kernel's.
pub(super) fn cpu_of(pid: u32) -> Result<Duration, Failure> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The program's name may hold spaces; what follows its closing bracket does not.
    let (_, fields) = stat.rsplit_once(')').ok_or("/proc tells nothing of the process")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u32>).sum::<Result<u32, _>>()?;
    Ok(TICK.saturating_mul(ticks))
}
