//! Pages from templates, in which every value is escaped.

use std::sync::LazyLock;

use axum::http::{HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minijinja::Environment;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// The colour of the buttons of pages that belong to nobody's form.
pub(super) const COLOR: &str = "#1a1a1a";
/// What every page looks like. The contrast of its texts is at least 4.5 to 1.
const STYLE: &str = include_str!("../../static/page.css");

/// The template engine escapes what it writes into a template whose name ends in `.html`.
static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut templates = Environment::new();
    for (name, source) in [
        ("form.html", include_str!("../../templates/form.html")),
        ("form_end.html", include_str!("../../templates/form_end.html")),
        ("certificate.html", include_str!("../../templates/certificate.html")),
        ("confirm.html", include_str!("../../templates/confirm.html")),
        ("posting.html", include_str!("../../templates/posting.html")),
        ("trade.html", include_str!("../../templates/trade.html")),
    ] {
        if let Err(error) = templates.add_template(name, source) {
            tracing::error!(name, %error, "a template is broken");
        }
    }
    templates
});

/// Where a page may stand and what it may load: nothing but the exchange's own script.
#[derive(Debug, Clone)]
pub(super) struct Policy<'a> {
    /// The page's style, by the hash of which it is let through.
    pub style: &'a str,
    /// Origins of pages that may embed it.
    pub ancestors: &'a [String],
    /// Whether its address is a secret, which it must tell nobody.
    pub secret: bool,
}

impl<'a> Policy<'a> {
    /// For a page that stands by itself, in this style.
    pub(super) const fn alone(style: &'a str) -> Self {
        Self { style, ancestors: &[], secret: false }
    }
}

/// The style of a page whose button has this colour; `#rrggbb`.
pub(super) fn style(theme_color: &str) -> String {
    format!("{STYLE}:root{{--theme:{theme_color};--on-theme:{}}}", readable_on(theme_color))
}

/// The page that `template` makes of `context`.
pub(super) fn page(status: StatusCode, template: &str, context: &impl Serialize, policy: &Policy<'_>) -> Response {
    let rendered = TEMPLATES.get_template(template).and_then(|template| template.render(minijinja::value::Serde(context)));
    match rendered {
        Ok(html) => (status, headers(policy), Html(html)).into_response(),
        Err(error) => {
            // What the engine says names the template and no value.
            tracing::error!(template, kind = ?error.kind(), line = error.line(), "a page could not be made");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn headers(policy: &Policy<'_>) -> [(HeaderName, String); 4] {
    let ancestors = if policy.ancestors.is_empty() { "'none'".to_owned() } else { policy.ancestors.join(" ") };
    let style = STANDARD.encode(Sha256::digest(policy.style.as_bytes()));
    let script = if policy.secret { "'none'" } else { "'self'" };
    let content = format!(
        "default-src 'none'; script-src {script}; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; \
         frame-ancestors {ancestors}"
    );
    [
        (header::CONTENT_SECURITY_POLICY, content),
        (header::REFERRER_POLICY, if policy.secret { "no-referrer" } else { "strict-origin" }.to_owned()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ]
}

/// Black or white, whichever stands out more from a colour (WCAG 2 relative luminance): at least 4.58 to 1.
fn readable_on(color: &str) -> &'static str {
    let digits = color.trim_start_matches('#');
    let part = |from: usize| {
        let value = digits.get(from..from + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()).unwrap_or(0);
        let share = f64::from(value) / 255.0;
        if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    };
    let luminance = 0.2126 * part(0) + 0.7152 * part(2) + 0.0722 * part(4);
    if luminance > 0.179 { "#000" } else { "#fff" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_can_be_read_and_escapes_what_it_writes() {
        assert_eq!(TEMPLATES.templates().count(), 6);
        let context = serde_json::json!({ "title": "<b>\"&'", "text": "x", "style": "a{}", "lang": "en", "dir": "ltr" });
        let html = TEMPLATES.get_template("form_end.html").unwrap().render(minijinja::value::Serde(&context)).unwrap();
        assert!(html.contains("<h1>&lt;b&gt;&quot;&amp;&#x27;</h1>"), "{html}");
    }

    #[test]
    fn a_button_can_be_read() {
        assert_eq!(
            ["#ffffff", "#ffcc00", "#0a5c36", "#000000", "#767676"].map(readable_on),
            ["#000", "#000", "#fff", "#fff", "#000"]
        );
    }
}
