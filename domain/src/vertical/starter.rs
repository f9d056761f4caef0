//! The verticals with which an exchange starts.

use serde::Deserialize;

use super::{Definition, VerticalPath};

/// One file holds one root with everything below it.
const FILES: &[&str] = &[
    include_str!("../../verticals/auto.toml"),
    include_str!("../../verticals/business.toml"),
    include_str!("../../verticals/ecommerce.toml"),
    include_str!("../../verticals/education.toml"),
    include_str!("../../verticals/finance.toml"),
    include_str!("../../verticals/games.toml"),
    include_str!("../../verticals/household.toml"),
    include_str!("../../verticals/insurance.toml"),
    include_str!("../../verticals/telecom.toml"),
    include_str!("../../verticals/travel.toml"),
];

/// A vertical of the starter set.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StarterVertical {
    /// Its place.
    pub path: VerticalPath,
    /// Its first version.
    pub definition: Definition,
}

#[derive(Deserialize)]
struct File {
    vertical: Vec<StarterVertical>,
}

/// The starter set, parents before children. The error names the fault in an embedded file.
pub fn starter_set() -> Result<Vec<StarterVertical>, toml::de::Error> {
    let mut found = Vec::new();
    for file in FILES {
        found.extend(toml::from_str::<File>(file)?.vertical);
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_vertical_of_the_set_makes_sense_and_stands_below_a_known_one() {
        let set = starter_set().unwrap();
        let paths: BTreeSet<&str> = set.iter().map(|vertical| vertical.path.as_str()).collect();
        assert_eq!(paths.len(), set.len());
        for vertical in &set {
            assert_eq!(vertical.definition.check(), Ok(()), "{}", vertical.path);
            if let Some(parent) = vertical.path.parent() {
                assert!(paths.contains(parent.as_str()), "{}", vertical.path);
            }
            let takes_leads = !vertical.definition.group;
            assert_eq!(
                takes_leads,
                vertical.definition.attributes.iter().any(|attribute| attribute.filterable),
                "{}",
                vertical.path
            );
        }
        for wanted in [
            "insurance/auto/third-party",
            "insurance/auto/comprehensive",
            "travel/tour",
            "education/course",
            "finance/loan",
            "finance/credit-card",
            "finance/deposit",
            "finance/mortgage",
            "auto/test-drive",
            "telecom/internet",
            "household/renovation",
            "ecommerce/order",
            "games/pc",
            "games/mobile-app",
            "business/software",
        ] {
            assert!(paths.contains(wanted), "{wanted}");
        }
    }
}
