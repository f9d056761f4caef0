//! Looking at the exchange while the market is open: what waits, and how much memory the process takes.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::market::Market;

/// How often the queue of settlement is looked at, and how many such looks come for one at the jobs.
const LOOK: Duration = Duration::from_millis(200);
const LOOKS_PER_JOBS: u32 = 5;

/// What waited at one instant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sample {
    /// Commands that waited for settlement.
    pub(super) waiting: u64,
    /// How late the job was that is due longest, in milliseconds.
    pub(super) jobs_late_millis: u64,
    /// Resident memory, in MiB; 0 where the system does not say.
    pub(super) memory_mib: u64,
}

/// Looks until the market closes.
pub(super) async fn watch(market: Arc<Market>, closing: CancellationToken) -> Vec<Sample> {
    let (mut samples, mut last) = (Vec::new(), Sample::default());
    for look in 0_u32.. {
        last.waiting = u64::try_from(market.app.settlement.settled().waiting).unwrap_or(u64::MAX);
        if look % LOOKS_PER_JOBS == 0 {
            match market.app.store.jobs_backlog().await {
                Ok(backlog) => {
                    let late = backlog.due_since.map(|due| market.app.now().signed_duration_since(due).num_milliseconds());
                    last.jobs_late_millis = u64::try_from(late.unwrap_or(0)).unwrap_or(0);
                }
                Err(error) => market.findings().unexplained(format!("jobs: {error}")),
            }
            last.memory_mib = memory_mib().unwrap_or(0);
        }
        samples.push(last);
        if closing.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_none() {
            break;
        }
    }
    samples
}

/// The resident memory of the process, as Linux counts it.
fn memory_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib / 1024)
}

/// The medians of the first, the second and the last third.
pub(super) fn thirds(samples: &[Sample], of: fn(&Sample) -> u64) -> [u64; 3] {
    let third = samples.len().div_ceil(3).max(1);
    let mut medians = samples.chunks(third).map(|part| median(part.iter().map(of).collect()));
    [(); 3].map(|()| medians.next().unwrap_or(0))
}

fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

/// Whether a queue grows: longer in each third, and at the end more than twice what it was at the start, beyond `slack`.
pub(super) fn grows([start, middle, end]: [u64; 3], slack: u64) -> bool {
    end > start.saturating_mul(2).saturating_add(slack) && end > middle && middle >= start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_grows_when_it_is_longer_in_each_third() {
        let samples: Vec<Sample> = (0..90).map(|waiting| Sample { waiting, ..Sample::default() }).collect();
        let waiting = thirds(&samples, |sample| sample.waiting);
        assert_eq!(waiting, [15, 45, 75]);
        assert!(grows(waiting, 10) && !grows(waiting, 50));
        assert!(!grows([0, 40, 9], 4) && !grows([5, 5, 5], 0));
        assert_eq!(thirds(&[], |sample| sample.waiting), [0, 0, 0]);
        assert_eq!(thirds(&samples[..1], |sample| sample.waiting), [0, 0, 0]);
    }
}
