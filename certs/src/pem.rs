//! Certificates as PEM text (RFC 7468 §3).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Appends one certificate as PEM: lines of 64 characters, LF ends.
pub(crate) fn push_certificate(text: &mut String, der: &[u8]) {
    text.push_str("-----BEGIN CERTIFICATE-----\n");
    let mut rest = der;
    // 48 bytes make the 64 characters of a line.
    while !rest.is_empty() {
        let (line, later) = rest.split_at(rest.len().min(48));
        STANDARD.encode_string(line, text);
        text.push('\n');
        rest = later;
    }
    text.push_str("-----END CERTIFICATE-----\n");
}

/// One certificate as PEM.
pub(crate) fn certificate(der: &[u8]) -> String {
    let mut text = String::new();
    push_certificate(&mut text, der);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject;

    #[test]
    fn what_is_written_reads_back_whatever_its_length() {
        for length in [1, 47, 48, 49, 96, 1_000] {
            let der = vec![0xa5_u8; length];
            let text = certificate(&der);
            assert!(text.lines().all(|line| line.len() <= 64), "{text}");
            assert_eq!(CertificateDer::from_pem_slice(text.as_bytes()).unwrap().as_ref(), der);
        }
    }
}
