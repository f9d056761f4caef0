//! Who may be called from here: addresses of the public net, and no others.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use futures::StreamExt;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;

/// Names are resolved as the system does, and addresses that are not public are left out: a name that a buyer controls must not
/// lead into the exchange's own net.
#[derive(Debug, Clone, Copy)]
struct PublicOnly;

/// A name leads to addresses that are not public alone.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the name leads to no public address")]
pub(super) struct NotPublic;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(NotPublic.into());
            }
            let addrs: Addrs = Box::new(public.into_iter());
            Ok(addrs)
        })
    }
}

/// A client for addresses that others name. It follows no redirects; with `insecure` it reaches any address.
pub(super) fn client(insecure: bool) -> Result<reqwest::Client, reqwest::Error> {
    // A proxy would resolve names by itself, behind the guard.
    let builder = reqwest::Client::builder().redirect(Policy::none()).no_proxy().user_agent("clearlead");
    let builder = if insecure { builder } else { builder.https_only(true).dns_resolver(Arc::new(PublicOnly)) };
    builder.build()
}

/// The whole body of an answer; `None` if it is longer than `max_bytes`, an error if it breaks off.
pub(super) async fn whole(response: reqwest::Response, max_bytes: usize) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        body.extend_from_slice(&chunk?);
        if body.len() > max_bytes {
            return Ok(None);
        }
    }
    Ok(Some(body))
}

/// The beginning of an answer's body, at most `kept_bytes`, and whether the body broke off. Up to `read_bytes` are read, so that the connection
/// can be used again; a longer body costs it.
pub(super) async fn beginning(response: reqwest::Response, kept_bytes: usize, read_bytes: usize) -> (Vec<u8>, bool) {
    let (mut kept, mut read) = (Vec::new(), 0_usize);
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let Ok(chunk) = chunk else { return (kept, true) };
        kept.extend(chunk.iter().take(kept_bytes.saturating_sub(kept.len())));
        read = read.saturating_add(chunk.len());
        if read > read_bytes {
            break;
        }
    }
    (kept, false)
}

/// Whether a literal address in `url` may be called; names are looked at when they are resolved.
#[must_use]
pub fn may_call(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => is_public(ip.into()),
        Some(url::Host::Ipv6(ip)) => is_public(ip.into()),
        Some(url::Host::Domain(_)) => true,
        None => false,
    }
}

/// Whether an address belongs to the public net (the special-purpose registries of RFC 6890 and its successors are left out).
#[must_use]
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_multicast()
        || ip.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b));
    !special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    if let Some(mapped) = ip.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    let [first, second, ..] = ip.segments();
    // Only 2000::/3 is given out; what is embedded in it, or set apart for documents, is not public.
    let global = (0x2000..0x4000).contains(&first);
    let special = first == 0x2002 || (first == 0x2001 && (second < 0x0200 || second == 0x0db8)) || first == 0x3fff;
    global && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_net_is_called() {
        let public = |text: &str| is_public(text.parse().unwrap());
        for address in ["8.8.8.8", "203.0.114.1", "172.32.0.1", "2a00:1450:4001::1", "2606:4700::1111"] {
            assert!(public(address), "{address}");
        }
        for address in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "203.0.113.9",
            "192.0.0.1",
            "::1",
            "::",
            "fc00::1",
            "fe80::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:0a00:0001::",
            "2001:db8::1",
            "2001::1",
        ] {
            assert!(!public(address), "{address}");
        }
    }

    #[test]
    fn a_literal_address_is_looked_at_before_the_call() {
        let may = |text: &str| may_call(&text.parse().unwrap());
        assert!(may("https://bids.example/ask") && may("https://8.8.8.8/"));
        assert!(!may("https://127.0.0.1/") && !may("https://[::1]/") && !may("https://2130706433/") && !may("https://0x7f.1/"));
    }
}
