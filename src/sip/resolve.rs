//! Where a name leads (RFC 3263, RFC 2782): SRV where the uri has no port, then A and AAAA.
//!
//! Answers are kept as long as they live, an hour at most, in a cache of bounded size (hickory's). A look-up takes three seconds at
//! most and yields [`TARGETS_MAX`] addresses at most, best first. Not done: NAPTR (RFC 3263 §4.1). It chooses a transport, and a trunk's
//! uri has chosen one: its sockets, certificates and Contact hang on it, and a carrier who may move a trunk from TLS to UDP by a record of
//! his could switch its encryption off.

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::rdata::SRV;
use hickory_resolver::proto::rr::{RData, RecordType};
use rand::RngExt;
use rsipstack::sip::{Host, HostWithPort, Transport};
use rsipstack::transport::SipAddr;
use rsipstack::transport::transport_layer::DomainResolver;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// For one name, all questions together.
const LIMIT: Duration = Duration::from_secs(3);
/// For one name that a message named, not a trunk: the stack waits for it.
const LIMIT_IN_DIALOG: Duration = Duration::from_secs(1);
const ASK_LIMIT: Duration = Duration::from_secs(1);
const TTL_MAX: Duration = Duration::from_secs(3600);
const NEGATIVE_TTL_MAX: Duration = Duration::from_secs(30);
const CACHE_MAX: u64 = 256;
const RECORDS_MAX: usize = 8;
/// Addresses of one name.
pub const TARGETS_MAX: usize = 16;

/// A name that leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name {name} cannot be resolved: {reason}")]
pub struct ResolveError {
    name: String,
    reason: String,
}

#[derive(Clone)]
pub struct Resolver {
    /// Or why there is none.
    dns: Result<Arc<TokioResolver>, String>,
}

impl Resolver {
    /// By these servers, or by the system's when there are none.
    pub fn new(servers: &[SocketAddr]) -> Self {
        let provider = TokioRuntimeProvider::default();
        let builder = if servers.is_empty() {
            TokioResolver::builder(provider)
        } else {
            let servers = servers.iter().map(|server| {
                let on_port = |mut way: ConnectionConfig| {
                    way.port = server.port();
                    way
                };
                let ways = vec![on_port(ConnectionConfig::udp()), on_port(ConnectionConfig::tcp())];
                NameServerConfig::new(server.ip(), true, ways)
            });
            let config = ResolverConfig::from_parts(None, vec![], servers.collect());
            Ok(TokioResolver::builder_with_config(config, provider))
        };
        let dns = builder.and_then(|mut builder| {
            limit(builder.options_mut());
            builder.build()
        });
        let dns = dns.map(Arc::new).map_err(|e| format!("dns is not configured: {e}"));
        if let Err(reason) = &dns {
            tracing::warn!(%reason, "only trunks with a numeric address can be reached");
        }
        Self { dns }
    }

    /// The addresses of `target` over `transport`, best first; never empty.
    pub async fn resolve(&self, target: &HostWithPort, transport: Transport) -> Result<Vec<SocketAddr>, ResolveError> {
        let port = target.port.map(|p| p.value());
        let name = match &target.host {
            Host::IpAddr(ip) => return Ok(vec![SocketAddr::new(*ip, port.unwrap_or_else(|| default_port(transport)))]),
            Host::Domain(name) => name.to_string(),
        };
        let failed = |reason: String| ResolveError { name: name.clone(), reason };
        let found = match timeout(LIMIT, self.look_up(&name, port, transport)).await {
            Ok(found) => found.map_err(failed)?,
            Err(_) => return Err(failed("no answer within three seconds".into())),
        };
        if found.is_empty() { Err(failed("it has no address".into())) } else { Ok(found) }
    }

    async fn look_up(&self, name: &str, port: Option<u16>, transport: Transport) -> Result<Vec<SocketAddr>, String> {
        if let Some(port) = port {
            return self.addresses(name, port).await;
        }
        let records = self.services(name, transport).await?;
        if records.is_empty() {
            return self.addresses(name, default_port(transport)).await;
        }
        let mut found = vec![];
        let mut failure = None;
        for record in by_preference(records, |weights| rand::rng().random_range(0..=weights)) {
            match self.addresses(&record.target.to_utf8(), record.port).await {
                Ok(addresses) => found.extend(addresses),
                Err(reason) => failure = Some(reason),
            }
        }
        found.truncate(TARGETS_MAX);
        match failure {
            Some(reason) if found.is_empty() => Err(reason),
            _ => Ok(found),
        }
    }

    /// The SRV records; none where the name has none, or where they cannot be had (its addresses may still be).
    async fn services(&self, name: &str, transport: Transport) -> Result<Vec<SRV>, String> {
        let service = match transport {
            Transport::Tls => "_sips._tcp",
            Transport::Tcp => "_sip._tcp",
            _ => "_sip._udp",
        };
        let dns = self.dns.as_ref().map_err(Clone::clone)?;
        // With the final dot: never in the system's search domains.
        let name = format!("{service}.{}.", name.trim_end_matches('.'));
        let Ok(answer) = dns.lookup(name.as_str(), RecordType::SRV).await else { return Ok(vec![]) };
        let mut records: Vec<SRV> = answer
            .answers()
            .iter()
            .filter_map(|r| match &r.data {
                RData::SRV(srv) => Some(srv.clone()),
                _ => None,
            })
            .collect();
        if !records.is_empty() && records.iter().all(|r| r.target.is_root()) {
            return Err("it says that it does not offer this service".into());
        }
        records.retain(|r| !r.target.is_root());
        records.sort_by_key(|r| r.priority);
        records.truncate(RECORDS_MAX);
        Ok(records)
    }

    async fn addresses(&self, name: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
        let dns = self.dns.as_ref().map_err(Clone::clone)?;
        let answer = dns.lookup_ip(name).await.map_err(|e| e.to_string())?;
        Ok(answer.iter().take(TARGETS_MAX).map(|ip| SocketAddr::new(ip, port)).collect())
    }
}

fn limit(options: &mut ResolverOpts) {
    options.timeout = ASK_LIMIT;
    options.attempts = 1;
    options.cache_size = CACHE_MAX;
    options.positive_max_ttl = Some(TTL_MAX);
    options.negative_max_ttl = Some(NEGATIVE_TTL_MAX);
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
}

pub fn default_port(transport: Transport) -> u16 {
    if transport == Transport::Tls { 5061 } else { 5060 }
}

/// RFC 2782: by priority; within one, drawn by weight. `draw(n)` gives a number from 0 to n.
fn by_preference(mut records: Vec<SRV>, mut draw: impl FnMut(u32) -> u32) -> Vec<SRV> {
    // Those without weight first: they are drawn only when the number is 0.
    records.sort_by_key(|r| (r.priority, r.weight));
    let mut ordered = Vec::with_capacity(records.len());
    while let Some(first) = records.first() {
        let same = records.iter().take_while(|r| r.priority == first.priority).count();
        let weights: u32 = records[..same].iter().map(|r| u32::from(r.weight)).sum();
        let mut left = draw(weights).min(weights);
        let at = records[..same].iter().position(|r| {
            let hit = u32::from(r.weight) >= left;
            left = left.saturating_sub(r.weight.into());
            hit
        });
        ordered.push(records.remove(at.unwrap_or(0)));
    }
    ordered
}

/// The same for names in messages that the stack resolves itself (a Contact, a Record-Route). The stack waits for it, so it is
/// brief.
#[async_trait::async_trait]
impl DomainResolver for Resolver {
    async fn resolve(&self, target: &SipAddr) -> rsipstack::Result<SipAddr> {
        let transport = target.r#type.unwrap_or(Transport::Udp);
        let failed = |reason: String| rsipstack::Error::DnsResolutionError(reason);
        let found = timeout(LIMIT_IN_DIALOG, Resolver::resolve(self, &target.addr, transport)).await;
        let found = found.map_err(|_| failed(format!("{target}: no answer within a second")))?;
        let found = found.map_err(|e| failed(e.to_string()))?;
        let first = found.first().ok_or_else(|| failed(target.to_string()))?;
        Ok(SipAddr { r#type: target.r#type, addr: (*first).into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_resolver::proto::rr::Name;

    fn record(priority: u16, weight: u16, port: u16) -> SRV {
        SRV::new(priority, weight, port, Name::root())
    }

    #[test]
    fn records_are_ordered_by_priority_and_drawn_by_weight() {
        let records = || vec![record(20, 0, 4), record(10, 60, 1), record(10, 20, 2), record(10, 0, 3)];
        for (drawn, expected) in [
            // 3 has no weight: first only when zero is drawn.
            ([0, 0, 0, 0], [3, 2, 1, 4]),
            ([1, 1, 0, 0], [2, 1, 3, 4]),
            ([80, 1, 0, 0], [1, 2, 3, 4]),
            // More than there is counts as all there is.
            ([999, 999, 999, 999], [1, 2, 3, 4]),
        ] {
            let mut drawn = drawn.into_iter();
            let ordered = by_preference(records(), |_| drawn.next().unwrap());
            let ports: Vec<u16> = ordered.iter().map(|r| r.port).collect();
            assert_eq!(ports, expected);
        }
        assert!(by_preference(vec![], |_| 0).is_empty());
    }

    #[test]
    fn a_heavier_record_is_drawn_as_often_as_its_weight_says() {
        let mut first = [0u32; 2];
        for n in 0..=100 {
            let ordered = by_preference(vec![record(1, 75, 0), record(1, 25, 1)], |_| n);
            first[usize::from(ordered[0].port)] += 1;
        }
        assert_eq!(first, [75, 26]);
    }
}
