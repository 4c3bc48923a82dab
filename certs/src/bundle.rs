//! Trust bundles: the roots of the system and ours, in one file that any runtime can be pointed at.

use std::collections::HashSet;

use rustls_pki_types::CertificateDer;

use crate::error::CertError;
use crate::pem;

/// The root certificates that the system trusts; `SSL_CERT_FILE` and `SSL_CERT_DIR` are heeded.
pub(crate) fn system_roots() -> Result<Vec<CertificateDer<'static>>, CertError> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        return Err(CertError::NoSystemRoots { failures: found.errors.len() });
    }
    Ok(found.certs)
}

/// Writes certificates one after the other as PEM, each once, in the order given.
pub(crate) fn assemble<'a>(certificates: impl IntoIterator<Item = &'a CertificateDer<'a>>) -> String {
    let mut seen = HashSet::new();
    let mut text = String::new();
    for certificate in certificates {
        if seen.insert(certificate.as_ref()) {
            pem::push_certificate(&mut text, certificate);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls_pki_types::pem::PemObject;

    #[test]
    fn a_certificate_that_is_in_twice_is_written_once() {
        let [one, other] = [CertificateDer::from(vec![1; 9]), CertificateDer::from(vec![2; 9])];
        let text = assemble([&one, &other, &one]);
        let read: Vec<_> = CertificateDer::pem_slice_iter(text.as_bytes()).map(Result::unwrap).collect();
        assert_eq!(read, [one, other]);
    }
}
