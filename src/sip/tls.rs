//! TLS for SIP (RFC 3261 §26.3, RFC 5922): whom we trust, who we are, and what went wrong in words.
//!
//! The certificate of a trunk is always verified, against the name in the trunk's uri (or `tls_server_name`), by the authorities in
//! `tls_ca` or else those of the system. There is no way to switch that off. A trunk with `tls_ca` trusts that authority alone.
//! As server we ask for no client certificate: what comes in on a new connection can only reach a call by its dialog.

use super::api::SipError;
use crate::config;
use rsipstack::sip::Host;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore, ServerConfig};
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// How a trunk is talked to over TLS.
#[derive(Clone)]
pub struct Client {
    pub connector: TlsConnector,
    /// Sent as SNI, and what the certificate must name.
    pub name: ServerName<'static>,
}

impl Client {
    /// From the keys `tls_*` of a trunk at `host`; every error names the trunk, the key and the file.
    pub fn of_trunk(trunk: &config::Trunk, host: &Host) -> Result<Self, SipError> {
        let bad = |key: &'static str, value: String, reason: String| SipError::Trunk {
            trunk: trunk.name.clone(),
            key,
            value,
            reason,
        };
        let name =
            trunk.tls_server_name.clone().unwrap_or_else(|| host.to_string().trim_matches(['[', ']']).to_string());
        let name = ServerName::try_from(name.clone())
            .map_err(|_| bad("tls_server_name", name, "want a host name or an address".into()))?;
        let roots = match &trunk.tls_ca {
            Some(file) => own_roots(file).map_err(|e| bad("tls_ca", shown(file), e))?,
            None => system_roots(&trunk.name),
        };
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|e| bad("uri", trunk.uri.clone(), e.to_string()))?
            .with_root_certificates(roots);
        let config = match (&trunk.tls_client_certificate, &trunk.tls_client_key) {
            (None, None) => builder.with_no_client_auth(),
            (Some(certificate), Some(key)) => {
                let chain =
                    certificates(certificate).map_err(|e| bad("tls_client_certificate", shown(certificate), e))?;
                let private = private_key(key).map_err(|e| bad("tls_client_key", shown(key), e))?;
                builder
                    .with_client_auth_cert(chain, private)
                    .map_err(|e| bad("tls_client_key", shown(key), e.to_string()))?
            }
            (Some(certificate), None) => {
                return Err(bad("tls_client_certificate", shown(certificate), "needs tls_client_key beside it".into()));
            }
            (None, Some(key)) => {
                return Err(bad("tls_client_key", shown(key), "needs tls_client_certificate beside it".into()));
            }
        };
        Ok(Self { connector: Arc::new(config).into(), name })
    }
}

/// What we show to those who connect to us; errors name the key and the file.
pub fn acceptor(sip: &config::Sip) -> Result<TlsAcceptor, SipError> {
    let bad = |key: &'static str, file: Option<&Path>, reason: String| SipError::Tls {
        key,
        file: file.map(shown).unwrap_or_default(),
        reason,
    };
    let needed = "sip.listen has a tls: address";
    let certificate = sip.tls_certificate.as_deref().ok_or_else(|| bad("tls_certificate", None, needed.into()))?;
    let key = sip.tls_key.as_deref().ok_or_else(|| bad("tls_key", None, needed.into()))?;
    let chain = certificates(certificate).map_err(|e| bad("tls_certificate", Some(certificate), e))?;
    let private = private_key(key).map_err(|e| bad("tls_key", Some(key), e))?;
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .and_then(|b| b.with_no_client_auth().with_single_cert(chain, private))
        .map_err(|e| bad("tls_key", Some(key), e.to_string()))?;
    Ok(Arc::new(config).into())
}

/// Named here, so that it works whether or not a process-wide provider was installed.
fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn shown(file: &Path) -> String {
    file.display().to_string()
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = read.map_err(|e| format!("cannot be read: {e}"))?;
    if chain.is_empty() { Err("holds no certificate (want PEM)".into()) } else { Ok(chain) }
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_file(file).map_err(|e| format!("cannot be read as a private key: {e}"))
}

fn own_roots(file: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|e| format!("is not a certificate authority: {e}"))?;
    }
    Ok(roots)
}

/// The store that the operator keeps up to date, not a list that ages inside the program.
fn system_roots(trunk: &str) -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        tracing::warn!(
            trunk.name = %trunk,
            "the system has no certificate authorities: install ca-certificates, or set trunks.{trunk}.tls_ca"
        );
    }
    roots
}

/// What is wrong with a connection, in words that a person can act on.
pub fn words(error: &std::io::Error) -> String {
    let inner = error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>());
    let Some(error) = inner else { return error.to_string() };
    let why = match error {
        rustls::Error::InvalidCertificate(why) => why,
        rustls::Error::AlertReceived(alert) => return format!("tls: the far end refuses: {alert:?}"),
        other => return format!("tls: {other}"),
    };
    match why {
        CertificateError::UnknownIssuer => "tls: the certificate is not trusted: its issuer is unknown".into(),
        CertificateError::BadSignature => "tls: the certificate is not trusted: another issuer signed it".into(),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "tls: the certificate has expired".into()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "tls: the certificate is not valid yet".into()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("tls: the certificate is for another name: {why}")
        }
        other => format!("tls: the certificate is not accepted: {other}"),
    }
}
