//! Looking up mail domains.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use domain::verification::MailDomain;
use futures::future::BoxFuture;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;

use crate::config;

/// Finds out whether a domain takes mail.
pub trait MailDomains: Send + Sync {
    /// What is known of `domain`.
    fn look_up<'a>(&'a self, domain: &'a str) -> BoxFuture<'a, MailDomain>;
}

/// Asks nobody: every domain is unknown.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoMailDomains;

/// Knows the domains that it was given, and no other; for tests.
#[derive(Debug, Clone, Default)]
pub struct KnownMailDomains(pub HashMap<String, MailDomain>);

/// Asks name servers.
pub struct DnsMailDomains(TokioResolver);

/// The look-up of the settings. Without a name server to ask, every domain is unknown.
#[must_use]
pub fn mail_domains(settings: &config::Dns) -> Box<dyn MailDomains> {
    if !settings.enabled {
        return Box::new(NoMailDomains);
    }
    match resolver(settings) {
        Ok(resolver) => Box::new(DnsMailDomains(resolver)),
        Err(error) => {
            tracing::warn!(%error, "mail domains are not looked up: no name server");
            Box::new(NoMailDomains)
        }
    }
}

fn resolver(settings: &config::Dns) -> Result<TokioResolver, NetError> {
    let mut builder = if settings.servers.is_empty() {
        TokioResolver::builder_tokio()?
    } else {
        let servers = settings.servers.iter().map(|server| name_server(*server)).collect();
        TokioResolver::builder_with_config(ResolverConfig::from_name_servers(servers), TokioRuntimeProvider::default())
    };
    builder.options_mut().timeout = Duration::from_millis(settings.timeout_millis);
    builder.options_mut().attempts = 1;
    builder.build()
}

fn name_server(address: SocketAddr) -> NameServerConfig {
    let mut server = NameServerConfig::udp_and_tcp(address.ip());
    for connection in &mut server.connections {
        connection.port = address.port();
    }
    server
}

impl MailDomains for NoMailDomains {
    fn look_up<'a>(&'a self, _: &'a str) -> BoxFuture<'a, MailDomain> {
        Box::pin(std::future::ready(MailDomain::NoAnswer))
    }
}

impl MailDomains for KnownMailDomains {
    fn look_up<'a>(&'a self, domain: &'a str) -> BoxFuture<'a, MailDomain> {
        Box::pin(std::future::ready(self.0.get(domain).copied().unwrap_or(MailDomain::NoAnswer)))
    }
}

impl MailDomains for DnsMailDomains {
    fn look_up<'a>(&'a self, domain: &'a str) -> BoxFuture<'a, MailDomain> {
        Box::pin(async move {
            // With a dot at the end the name is not tried below the machine's own domains.
            let name = format!("{domain}.");
            match self.0.mx_lookup(name.as_str()).await {
                Ok(found) => exchangers(found.answers().iter().map(|record| &record.data)),
                Err(error) if error.is_nx_domain() => MailDomain::Absent,
                Err(error) if error.is_no_records_found() => match self.0.lookup_ip(name.as_str()).await {
                    Ok(addresses) if addresses.iter().next().is_some() => MailDomain::AddressOnly,
                    Err(error) if !error.is_no_records_found() => MailDomain::NoAnswer,
                    Ok(_) | Err(_) => MailDomain::Absent,
                },
                Err(_) => MailDomain::NoAnswer,
            }
        })
    }
}

fn exchangers<'a>(records: impl Iterator<Item = &'a RData>) -> MailDomain {
    let hosts: Vec<_> = records.filter_map(|data| if let RData::MX(mx) = data { Some(&mx.exchange) } else { None }).collect();
    match hosts.as_slice() {
        [only] if only.is_root() => MailDomain::RefusesMail,
        [] => MailDomain::Absent,
        hosts => MailDomain::Exchangers(hosts.len()),
    }
}

#[cfg(test)]
mod tests {
    use hickory_resolver::proto::rr::Name;
    use hickory_resolver::proto::rr::rdata::MX;

    use super::*;
    use crate::config::Config;

    fn mx(host: &str) -> RData {
        RData::MX(MX::new(10, host.parse::<Name>().unwrap()))
    }

    #[test]
    fn a_lone_dot_refuses_mail() {
        let of = |records: &[RData]| exchangers(records.iter());
        assert_eq!(of(&[mx("mx1.example."), mx("mx2.example.")]), MailDomain::Exchangers(2));
        assert_eq!(of(&[mx(".")]), MailDomain::RefusesMail);
        assert_eq!(of(&[]), MailDomain::Absent);
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_gives_no_answer() {
        let settings = Config::from_toml("[dns]\nservers = [\"127.0.0.1:9\"]\ntimeout_millis = 200").unwrap().dns;
        assert_eq!(mail_domains(&settings).look_up("example.com").await, MailDomain::NoAnswer);
        let off = Config::from_toml("[dns]\nenabled = false").unwrap().dns;
        assert_eq!(mail_domains(&off).look_up("example.com").await, MailDomain::NoAnswer);
    }
}
