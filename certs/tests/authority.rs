//! The authority as files on a disk: made once, kept, refused where it would not be safe or would not work.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::print_stdout)]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use certs::{Authority, CertError, LEAF_LIFETIME_MS, LEAVES_MAX};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

const DAY_MS: u64 = 86_400_000;
/// 2026-11-21T00:00:00Z.
const NOW_MS: u64 = 1_795_219_200_000;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn the_first_start_makes_an_authority_and_later_ones_keep_it() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let made = Authority::open_or_create(&data, NOW_MS).unwrap();
    assert_eq!((mode(&data.join("ca.pem")), mode(&data.join("ca.key"))), (0o644, 0o600));
    let kept = Authority::open_or_create(&data, NOW_MS + DAY_MS).unwrap();
    assert_eq!(made.certificate_pem(), kept.certificate_pem());
    assert_eq!(fs::read_to_string(data.join("ca.pem")).unwrap(), made.certificate_pem());
    assert_eq!(fs::read_dir(&data).unwrap().count(), 2, "no temporary file stays behind");
}

#[test]
fn the_authority_signs_leaves_only_and_not_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::open_or_create(dir.path(), NOW_MS).unwrap();
    let der = authority.export_der();
    let (_, parsed) = X509Certificate::from_der(&der).unwrap();
    let constraints = parsed.basic_constraints().unwrap().unwrap();
    assert!(constraints.critical && constraints.value.ca);
    assert_eq!(constraints.value.path_len_constraint, Some(0));
    let usage = parsed.key_usage().unwrap().unwrap();
    assert!(usage.critical && usage.value.key_cert_sign() && !usage.value.digital_signature());
    let years = (parsed.validity().not_after.timestamp() - parsed.validity().not_before.timestamp()) / 86_400 / 365;
    assert!(years <= 10, "{years} years");
    assert_eq!(authority.not_after_ms(), u64::try_from(parsed.validity().not_after.timestamp()).unwrap() * 1_000);
    let name = parsed.subject().iter_common_name().next().unwrap().as_str().unwrap();
    assert!(name.starts_with("Bursar CA ") && name.len() == "Bursar CA ".len() + 8, "{name}");
    assert_eq!(authority.fingerprint().len(), 32 * 3 - 1);
}

#[test]
fn two_authorities_have_different_names() {
    let [one, other] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let name = |dir: &Path| {
        let der = Authority::open_or_create(dir, NOW_MS).unwrap().export_der();
        X509Certificate::from_der(&der).unwrap().1.subject().to_string()
    };
    assert_ne!(name(one.path()), name(other.path()));
}

#[test]
fn a_key_that_others_can_read_is_refused_with_the_command_that_mends_it() {
    let dir = tempfile::tempdir().unwrap();
    Authority::open_or_create(dir.path(), NOW_MS).unwrap();
    let key = dir.path().join("ca.key");
    for loose in [0o640, 0o604, 0o660, 0o644, 0o610, 0o601] {
        fs::set_permissions(&key, Permissions::from_mode(loose)).unwrap();
        let error = Authority::open_or_create(dir.path(), NOW_MS).unwrap_err();
        assert!(matches!(error, CertError::LooseKey { mode, .. } if mode == loose));
        assert!(error.to_string().contains(&format!("chmod 600 {}", key.display())), "{error}");
    }
    for tight in [0o600, 0o400] {
        fs::set_permissions(&key, Permissions::from_mode(tight)).unwrap();
        Authority::open_or_create(dir.path(), NOW_MS).unwrap();
    }
}

#[test]
fn one_half_of_the_pair_is_refused_and_never_replaced() {
    for (lost, left) in [("ca.key", "ca.pem"), ("ca.pem", "ca.key")] {
        let dir = tempfile::tempdir().unwrap();
        Authority::open_or_create(dir.path(), NOW_MS).unwrap();
        fs::remove_file(dir.path().join(lost)).unwrap();
        let error = Authority::open_or_create(dir.path(), NOW_MS).unwrap_err();
        assert!(matches!(&error, CertError::HalfPair { present, missing }
            if present.ends_with(left) && missing.ends_with(lost)));
        assert!(!dir.path().join(lost).exists());
    }
}

#[test]
fn a_key_of_another_authority_is_refused() {
    let [one, other] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for dir in [&one, &other] {
        Authority::open_or_create(dir.path(), NOW_MS).unwrap();
    }
    fs::copy(other.path().join("ca.key"), one.path().join("ca.key")).unwrap();
    assert!(matches!(Authority::open_or_create(one.path(), NOW_MS), Err(CertError::WrongPair { .. })));
}

#[test]
fn files_that_hold_something_else_are_named() {
    for (file, content) in [
        ("ca.pem", &b""[..]),
        ("ca.pem", b"hello"),
        ("ca.pem", b"-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----\n"),
        ("ca.pem", b"\xff\xfe"),
        ("ca.key", b""),
        ("ca.key", b"-----BEGIN PRIVATE KEY-----\nMAAA\n-----END PRIVATE KEY-----\n"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        Authority::open_or_create(dir.path(), NOW_MS).unwrap();
        fs::write(dir.path().join(file), content).unwrap();
        let error = Authority::open_or_create(dir.path(), NOW_MS).unwrap_err();
        assert!(error.to_string().contains(file), "{error}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    for file in ["ca.pem", "ca.key"] {
        let dir = tempfile::tempdir().unwrap();
        Authority::open_or_create(dir.path(), NOW_MS).unwrap();
        fs::remove_file(dir.path().join(file)).unwrap();
        fs::create_dir(dir.path().join(file)).unwrap();
        fs::set_permissions(dir.path().join(file), Permissions::from_mode(0o700)).unwrap();
        let error = Authority::open_or_create(dir.path(), NOW_MS).unwrap_err();
        assert!(matches!(&error, CertError::File { action: "read", path, .. } if path.ends_with(file)), "{error}");
    }
}

#[test]
fn a_leaf_in_the_place_of_the_authority_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let leaf = rcgen::CertificateParams::new(vec!["a.example".to_owned()]).unwrap().self_signed(&key).unwrap();
    fs::write(dir.path().join("ca.pem"), leaf.pem()).unwrap();
    fs::write(dir.path().join("ca.key"), key.serialize_pem()).unwrap();
    fs::set_permissions(dir.path().join("ca.key"), Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(Authority::open_or_create(dir.path(), NOW_MS), Err(CertError::NotAnAuthority { .. })));
}

#[test]
fn an_authority_whose_time_is_over_or_has_not_come_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::open_or_create(dir.path(), NOW_MS).unwrap();
    let end_ms = authority.not_after_ms();
    for now_ms in [NOW_MS - 2 * DAY_MS, end_ms, end_ms + DAY_MS] {
        assert!(matches!(Authority::open_or_create(dir.path(), now_ms), Err(CertError::OutOfTime { .. })));
        assert!(matches!(authority.server_config("a.example", now_ms), Err(CertError::OutOfTime { .. })));
    }
    Authority::open_or_create(dir.path(), end_ms - 1).unwrap().server_config("a.example", end_ms - 1).unwrap();
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Authority::open_or_create(&file.join("data"), NOW_MS).unwrap_err();
    assert!(matches!(error, CertError::File { .. }), "{error}");
    assert!(error.to_string().contains("file"), "{error}");
}

#[test]
fn one_host_has_one_leaf_until_it_ages() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::open_or_create(dir.path(), NOW_MS).unwrap();
    let first = authority.server_config("api.example", NOW_MS).unwrap();
    for (same, now_ms) in [("API.example.", NOW_MS), ("api.example", NOW_MS + 9 * DAY_MS)] {
        assert!(Arc::ptr_eq(&first, &authority.server_config(same, now_ms).unwrap()));
    }
    assert!(!Arc::ptr_eq(&first, &authority.server_config("b.example", NOW_MS).unwrap()));
    let later_ms = NOW_MS + LEAF_LIFETIME_MS - 2 * DAY_MS;
    let fresh = authority.server_config("api.example", later_ms).unwrap();
    assert!(!Arc::ptr_eq(&first, &fresh), "replaced before it ends");
    assert!(Arc::ptr_eq(&fresh, &authority.server_config("api.example", later_ms).unwrap()));
}

#[test]
fn many_who_ask_at_once_get_the_same_leaf() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::open_or_create(dir.path(), NOW_MS).unwrap();
    let configs: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..16).map(|_| scope.spawn(|| authority.server_config("api.example", NOW_MS).unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(configs.iter().all(|config| Arc::ptr_eq(config, &configs[0])));
}

#[test]
fn the_host_unused_for_longest_makes_room() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::open_or_create(dir.path(), NOW_MS).unwrap();
    let [kept, lost] = ["kept.example", "lost.example"].map(|host| authority.server_config(host, NOW_MS).unwrap());
    for number in 0..LEAVES_MAX - 2 {
        authority.server_config(&format!("{number}.example"), NOW_MS).unwrap();
    }
    assert!(Arc::ptr_eq(&kept, &authority.server_config("kept.example", NOW_MS).unwrap()));
    authority.server_config("one-more.example", NOW_MS).unwrap();
    assert!(Arc::ptr_eq(&kept, &authority.server_config("kept.example", NOW_MS).unwrap()));
    assert!(!Arc::ptr_eq(&lost, &authority.server_config("lost.example", NOW_MS).unwrap()));
}

#[test]
fn what_is_no_host_gets_no_leaf() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::open_or_create(dir.path(), NOW_MS).unwrap();
    for host in ["", "a b", "*.example", "a\r\nb", "ä.example"] {
        assert!(matches!(authority.server_config(host, NOW_MS), Err(CertError::MalformedHost { .. })), "{host:?}");
    }
}

#[test]
fn the_bundle_holds_the_systems_roots_and_ours_and_is_replaced_whole() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::open_or_create(dir.path(), NOW_MS).unwrap();
    let bundle = dir.path().join("bundle.pem");
    fs::write(&bundle, "old").unwrap();
    match authority.write_bundle(&bundle) {
        Err(CertError::NoSystemRoots { .. }) => {
            println!("SKIPPED: this system has no root certificates");
            assert_eq!(fs::read_to_string(&bundle).unwrap(), "old");
        }
        other => {
            other.unwrap();
            let text = fs::read(&bundle).unwrap();
            let roots: Vec<_> = CertificateDer::pem_slice_iter(&text).map(Result::unwrap).collect();
            assert!(roots.len() > 10, "{} roots", roots.len());
            assert_eq!(roots.iter().filter(|root| *root == authority.certificate()).count(), 1);
            assert_eq!(mode(&bundle), 0o644);
        }
    }
}

#[test]
fn leaves_prove_their_host_and_nothing_else() {
    use rustls::client::danger::ServerCertVerifier;
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::open_or_create(dir.path(), NOW_MS).unwrap();
    let mut serials = Vec::new();
    let long = format!("{}.example", "a".repeat(60));
    for (host, common_name) in [
        ("api.example", "api.example"),
        ("127.0.0.1", "127.0.0.1"),
        ("[2001:db8::1]", "2001:db8::1"),
        (long.as_str(), "intercepted by Bursar"),
    ] {
        let leaf = leaf_of(&authority, host);
        let (_, parsed) = X509Certificate::from_der(&leaf).unwrap();
        assert_eq!(parsed.subject().iter_common_name().next().unwrap().as_str().unwrap(), common_name);
        let names = &parsed.subject_alternative_name().unwrap().unwrap().value.general_names;
        assert!(matches!(names.as_slice(), [GeneralName::DNSName(_) | GeneralName::IPAddress(_)]), "{names:?}");
        let usage = parsed.extended_key_usage().unwrap().unwrap().value;
        assert!(usage.server_auth && !usage.client_auth && !usage.any);
        let life = parsed.validity().not_after.timestamp() - parsed.validity().not_before.timestamp();
        assert!(life <= 30 * 86_400);
        assert!(!parsed.is_ca());
        serials.push(parsed.raw_serial().to_vec());
        let roots = Arc::new({
            let mut roots = rustls::RootCertStore::empty();
            roots.add(authority.certificate().clone()).unwrap();
            roots
        });
        let verifier = rustls::client::WebPkiServerVerifier::builder_with_provider(
            roots,
            Arc::new(rustls::crypto::aws_lc_rs::default_provider()),
        )
        .build()
        .unwrap();
        let now = rustls::pki_types::UnixTime::since_unix_epoch(std::time::Duration::from_millis(NOW_MS));
        let named = host.trim_matches(['[', ']']).to_owned().try_into().unwrap();
        verifier.verify_server_cert(&leaf, &[], &named, &[], now).unwrap();
        let other = "other.example".try_into().unwrap();
        verifier.verify_server_cert(&leaf, &[], &other, &[], now).unwrap_err();
    }
    serials.sort();
    serials.dedup();
    assert_eq!(serials.len(), 4, "no serial number twice");
}

/// The leaf that a handshake in memory shows for the host.
fn leaf_of(authority: &Authority, host: &str) -> CertificateDer<'static> {
    let config = authority.server_config(host, NOW_MS).unwrap();
    let seen = support::handshake(config, host).unwrap();
    seen.into_iter().next().unwrap()
}

mod support {
    use super::*;
    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::pki_types::{ServerName, UnixTime};
    use rustls::{ClientConnection, DigitallySignedStruct, SignatureScheme};

    /// Looks at certificates without judging them.
    #[derive(Debug)]
    struct Onlooker;

    impl ServerCertVerifier for Onlooker {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, rustls::Error> {
            Ok(ServerCertVerified::assertion())
        }
        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            Ok(HandshakeSignatureValid::assertion())
        }
        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            Ok(HandshakeSignatureValid::assertion())
        }
        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            vec![SignatureScheme::ECDSA_NISTP256_SHA256]
        }
    }

    pub(super) fn handshake(
        config: Arc<rustls::ServerConfig>,
        host: &str,
    ) -> Result<Vec<CertificateDer<'static>>, rustls::Error> {
        let client =
            rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()?
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Onlooker))
                .with_no_client_auth();
        let name = host.trim_matches(['[', ']']).to_owned().try_into().unwrap();
        let mut client = ClientConnection::new(Arc::new(client), name)?;
        let mut server = rustls::ServerConnection::new(config)?;
        while client.is_handshaking() || server.is_handshaking() {
            let mut wire = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut wire).unwrap();
            }
            let mut unread = wire.as_slice();
            while !unread.is_empty() {
                server.read_tls(&mut unread).unwrap();
                server.process_new_packets()?;
            }
            wire.clear();
            while server.wants_write() {
                server.write_tls(&mut wire).unwrap();
            }
            let mut unread = wire.as_slice();
            while !unread.is_empty() {
                client.read_tls(&mut unread).unwrap();
                client.process_new_packets()?;
            }
        }
        Ok(client.peer_certificates().unwrap().iter().map(|der| der.clone().into_owned()).collect())
    }
}
