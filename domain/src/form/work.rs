//! Proof of work: a form under attack takes only what somebody spent a moment of computing on.

use sha2::{Digest, Sha256};

/// The longest answer.
const MAX_ANSWER: usize = 20;

/// Whether the SHA-256 of `challenge`, a colon and `answer` begins with so many zero bits.
#[must_use]
pub fn work_done(challenge: &str, answer: &str, bits: u32) -> bool {
    let plain = !answer.is_empty() && answer.len() <= MAX_ANSWER && answer.bytes().all(|b| b.is_ascii_digit());
    plain && leading_zero_bits(&Sha256::digest(format!("{challenge}:{answer}"))) >= bits
}

fn leading_zero_bits(digest: &[u8]) -> u32 {
    let whole = digest.iter().take_while(|byte| **byte == 0).count();
    let next = digest.get(whole).map_or(0, |byte| byte.leading_zeros());
    u32::try_from(whole).unwrap_or(u32::MAX).saturating_mul(8).saturating_add(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_counted_from_the_front() {
        assert_eq!(leading_zero_bits(&[0, 0, 0b0001_0000]), 19);
        assert_eq!(leading_zero_bits(&[0xff]), 0);
        assert_eq!(leading_zero_bits(&[0, 0]), 16);
    }

    #[test]
    fn an_answer_is_of_its_challenge() {
        let answer = (0_u32..).map(|n| n.to_string()).find(|answer| work_done("a", answer, 12)).unwrap();
        assert!(!work_done("b", &answer, 12) && work_done("a", &answer, 0));
        assert!(!work_done("a", "", 0) && !work_done("a", "1x", 0) && !work_done("a", &"1".repeat(21), 0));
    }
}
