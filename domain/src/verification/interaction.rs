//! What the script of a hosted form counted: programs leave no keys and no focus, paid form-fillers send one form after the other.
//!
//! The counts come from the browser. They convict whoever did not care to forge them, and acquit nobody.

use super::{CheckKind, CheckPolicy, Finding, Outcome};
use crate::lead::SessionSignals;

/// Whether the form was filled by a person who came for it. `None` where the exchange did not show the form. The fact
/// `suspect` says whom it looks like: BOT or HIRED.
#[must_use]
pub fn interaction(session: &SessionSignals, policy: &CheckPolicy) -> Option<Finding> {
    let filling = session.filling.as_ref()?;
    let recent = u64::from(filling.recent);
    let driven = filling.hints.iter().any(|hint| hint == "WEBDRIVER" || hint == "HEADLESS_AGENT");
    let untouched = filling.script && filling.keys == 0 && filling.focuses == 0;
    let busy = recent >= policy.form_fills_hour;
    let odd_busy = recent.saturating_mul(2) >= policy.form_fills_hour;
    let all_pasted = session.pasted_fields.is_some_and(|pasted| pasted >= 3) && session.typed_fields == Some(0);
    let (outcome, suspect) = if driven || untouched || filling.hints.len() >= 2 {
        (Outcome::Fail, Some("BOT"))
    } else if busy || (all_pasted && odd_busy) {
        (Outcome::Fail, Some("HIRED"))
    } else if !filling.hints.is_empty() {
        (Outcome::Inconclusive, Some("BOT"))
    } else if odd_busy {
        (Outcome::Inconclusive, Some("HIRED"))
    } else if !filling.script {
        (Outcome::Inconclusive, None)
    } else {
        (Outcome::Pass, None)
    };
    let finding = Finding::new(CheckKind::Interaction, outcome)
        .because("script", filling.script)
        .because("keys", filling.keys)
        .because("focuses", filling.focuses)
        .because("sameBrowserHour", recent);
    let finding = if filling.hints.is_empty() { finding } else { finding.because("hints", filling.hints.join(",")) };
    Some(suspect.into_iter().fold(finding, |finding, suspect| finding.because("suspect", suspect)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lead::FormFilling;

    fn found(filling: FormFilling, typed: u32, pasted: u32) -> (Outcome, Option<String>) {
        let session = SessionSignals {
            filling: Some(filling),
            typed_fields: Some(typed),
            pasted_fields: Some(pasted),
            ..SessionSignals::default()
        };
        let finding = interaction(&session, &CheckPolicy::default()).unwrap();
        (finding.outcome, finding.evidence.get("suspect").cloned())
    }

    fn by_hand() -> FormFilling {
        FormFilling { script: true, keys: 40, focuses: 6, hints: Vec::new(), recent: 0 }
    }

    fn hints(names: &[&str]) -> FormFilling {
        FormFilling { hints: names.iter().map(|name| (*name).to_owned()).collect(), ..by_hand() }
    }

    #[test]
    fn programs_and_form_fillers_are_told_apart() {
        let (bot, hired) = (Some("BOT".to_owned()), Some("HIRED".to_owned()));
        assert!(interaction(&SessionSignals::default(), &CheckPolicy::default()).is_none());
        assert_eq!(found(by_hand(), 5, 0), (Outcome::Pass, None));
        assert_eq!(found(FormFilling { keys: 0, focuses: 0, ..by_hand() }, 0, 0), (Outcome::Fail, bot.clone()));
        assert_eq!(found(FormFilling { keys: 0, ..by_hand() }, 0, 0), (Outcome::Pass, None), "the browser may fill a form");
        assert_eq!(found(hints(&["WEBDRIVER"]), 5, 0), (Outcome::Fail, bot.clone()));
        assert_eq!(found(hints(&["NO_LANGUAGES"]), 5, 0), (Outcome::Inconclusive, bot.clone()));
        assert_eq!(found(hints(&["NO_LANGUAGES", "NO_WINDOW"]), 5, 0), (Outcome::Fail, bot));
        assert_eq!(found(FormFilling { recent: 4, ..by_hand() }, 5, 0), (Outcome::Pass, None));
        assert_eq!(found(FormFilling { recent: 5, ..by_hand() }, 5, 0), (Outcome::Inconclusive, hired.clone()));
        assert_eq!(found(FormFilling { recent: 5, ..by_hand() }, 0, 5), (Outcome::Fail, hired.clone()));
        assert_eq!(found(FormFilling { recent: 10, ..by_hand() }, 5, 0), (Outcome::Fail, hired));
        assert_eq!(found(FormFilling::default(), 0, 0), (Outcome::Inconclusive, None), "without a script nothing is counted");
    }
}
