//! What is wrong with a destination's settings, each problem with its place.

use serde::Serialize;
use url::{Host, Url};

/// Longest address, in characters.
const MAX_URL_CHARS: usize = 2_000;

/// Something wrong in the settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The place, such as `mapping.3.source`.
    pub path: String,
    /// What is wrong with it.
    pub message: String,
}

impl Problem {
    /// A problem at a place.
    #[must_use]
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

/// What the operator allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Addresses without TLS, for development.
    pub allow_http: bool,
    /// A `base_url` in place of a vendor's own address, for private clouds and tests.
    pub allow_base_url: bool,
}

/// Collects problems.
#[derive(Debug)]
pub struct Checker<'a> {
    policy: &'a Policy,
    overridden: bool,
    oauth: bool,
    problems: Vec<Problem>,
}

impl<'a> Checker<'a> {
    /// Nothing found yet. `overridden` says that a `base_url` stands in place of the vendor's address.
    #[must_use]
    pub fn new(policy: &'a Policy, overridden: bool) -> Self {
        Self { policy, overridden, oauth: false, problems: Vec::new() }
    }

    /// The same for a destination that is reached by OAuth, or is not.
    #[must_use]
    pub fn with_oauth(self, oauth: bool) -> Self {
        Self { oauth, ..self }
    }

    /// What was found.
    #[must_use]
    pub fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    /// Notes a problem.
    pub fn push(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem::new(path, message));
    }

    /// Notes problems found elsewhere.
    pub fn extend(&mut self, problems: impl IntoIterator<Item = Problem>) {
        self.problems.extend(problems);
    }

    /// Notes `message` unless `holds`.
    pub fn require(&mut self, holds: bool, path: &str, message: &str) {
        if !holds {
            self.push(path, message);
        }
    }

    /// Whether a `base_url` stands in place of the vendor's address.
    #[must_use]
    pub fn is_overridden(&self) -> bool {
        self.overridden
    }

    /// Whether the destination is reached by OAuth.
    #[must_use]
    pub fn has_oauth(&self) -> bool {
        self.oauth
    }

    /// The operator's rule for a `base_url`.
    pub fn base_url(&mut self, text: &str) {
        self.require(self.policy.allow_base_url, "base_url", "the operator does not allow another base address");
        self.url("base_url", text, &[]);
    }

    /// An absolute address on one of `hosts` (`*.` stands for one label); an empty list allows every host.
    pub fn url(&mut self, path: &str, text: &str, hosts: &[&str]) {
        let Some(url) = parse(text) else {
            return self.push(path, "an absolute address is needed");
        };
        match url.scheme() {
            "https" => {}
            "http" if self.policy.allow_http => {}
            _ => self.push(path, "an https address is needed"),
        }
        self.require(url.username().is_empty() && url.password().is_none(), path, "credentials do not belong into an address");
        self.require(url.fragment().is_none(), path, "an address to send to has no fragment");
        if !hosts.is_empty() {
            self.require(is_on(&url, hosts), path, &format!("the host must be one of {}", hosts.join(", ")));
        }
    }

    /// One line of 1 to `max` characters.
    pub fn line(&mut self, path: &str, text: &str, max: usize) {
        let fits = !text.trim().is_empty() && text.chars().count() <= max && !text.chars().any(char::is_control);
        self.require(fits, path, &format!("one line of 1 to {max} characters is needed"));
    }

    /// An id of letters, digits, `-` and `_`, 1 to `max` long.
    pub fn id(&mut self, path: &str, text: &str, max: usize) {
        self.require(is_id(text, max), path, &format!("1 to {max} letters, digits, `-` or `_` are needed"));
    }

    /// An e-mail address.
    pub fn address(&mut self, path: &str, text: &str) {
        self.require(is_address(text), path, "an e-mail address is needed");
    }
}

/// Whether `text` is 1 to `max` ASCII letters, digits, `-` and `_`.
#[must_use]
pub fn is_id(text: &str, max: usize) -> bool {
    (1..=max).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// Whether `text` may name a header: a token of RFC 9110.
#[must_use]
pub fn is_header_name(text: &str) -> bool {
    (1..=100).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// Whether `text` may be a header's value: no control characters, so that it cannot end its line.
#[must_use]
pub fn is_header_value(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

/// Whether `text` can be mailed to: one `@` with something on both sides, and nothing that a header or a list could break on.
#[must_use]
pub fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let clean = |part: &str| {
        !part.is_empty() && part.chars().all(|c| !c.is_control() && !c.is_whitespace() && !r#"@,;:<>()[]\""#.contains(c))
    };
    text.len() <= 254
        && clean(local)
        && clean(domain)
        && domain.contains('.')
        && !domain.starts_with('.')
        && !domain.ends_with('.')
}

/// An absolute http or https address with a host.
#[must_use]
pub fn parse(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|_| text.chars().count() <= MAX_URL_CHARS)?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

fn is_on(url: &Url, hosts: &[&str]) -> bool {
    let Some(Host::Domain(host)) = url.host() else {
        return false;
    };
    url.port().is_none()
        && hosts.iter().any(|allowed| match allowed.strip_prefix("*.") {
            Some(parent) => host
                .strip_suffix(parent)
                .and_then(|h| h.strip_suffix('.'))
                .is_some_and(|label| !label.is_empty() && !label.contains('.')),
            None => host == *allowed,
        })
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
