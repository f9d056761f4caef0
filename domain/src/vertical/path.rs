//! The place of a vertical in the tree: `insurance/auto/comprehensive`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;

/// Levels of the tree.
pub const MAX_DEPTH: usize = 3;

const MAX_SEGMENT: usize = 40;

/// One to three segments of lower-case letters, digits and single hyphens, joined by `/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VerticalPath(String);

impl VerticalPath {
    /// The text, such as `finance/loan`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The vertical above, if this is not a root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        self.0.rsplit_once('/').map(|(above, _)| Self(above.to_owned()))
    }

    /// Whether this is `other` or stands below it.
    #[must_use]
    pub fn within(&self, other: &Self) -> bool {
        self.0.strip_prefix(other.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl FromStr for VerticalPath {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let segments: Vec<&str> = text.split('/').collect();
        if segments.len() > MAX_DEPTH {
            return Err(Refusal::invalid("path", format!("a vertical stands at most {MAX_DEPTH} levels deep")));
        }
        if segments.iter().all(|segment| is_segment(segment)) {
            Ok(Self(text.to_owned()))
        } else {
            let form = "a path is made of lower-case letters, digits and hyphens, joined by `/`: `insurance/auto`";
            Err(Refusal::invalid("path", form))
        }
    }
}

impl TryFrom<String> for VerticalPath {
    type Error = Refusal;

    fn try_from(text: String) -> Result<Self, Refusal> {
        text.parse()
    }
}

impl From<VerticalPath> for String {
    fn from(path: VerticalPath) -> Self {
        path.0
    }
}

impl fmt::Display for VerticalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_segment(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !text.is_empty()
        && text.len() <= MAX_SEGMENT
        && text.bytes().all(plain)
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_one_to_three_plain_segments() {
        for good in ["travel", "insurance/auto", "insurance/auto/third-party", "b2b/it-2"] {
            assert_eq!(good.parse::<VerticalPath>().unwrap().as_str(), good);
        }
        for bad in ["", "/", "a/", "/a", "a//b", "A", "a b", "a/b/c/d", "-a", "a-", "a--b", "ä", "a_b"] {
            assert_eq!(bad.parse::<VerticalPath>().unwrap_err().path, ["path"], "{bad}");
        }
    }

    #[test]
    fn a_child_stands_within_its_parent_only() {
        let auto: VerticalPath = "insurance/auto".parse().unwrap();
        let full: VerticalPath = "insurance/auto/comprehensive".parse().unwrap();
        let other: VerticalPath = "insurance/automatic".parse().unwrap();
        assert_eq!(full.parent(), Some(auto.clone()));
        assert!(full.within(&auto) && auto.within(&auto));
        assert!(!other.within(&auto) && !auto.within(&full));
    }
}
