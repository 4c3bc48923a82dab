//! A vendor with both providers on the wire, plain and TLS, and the throw-away authority that signed it.

use std::path::{Path, PathBuf};

use loadtest::pki::Authority;
use loadtest::vendor::Vendor;
use loadtest::{LoadtestError, VendorOptions};

use crate::error::KitError;

/// The provider key that the vendor expects: what the gateway must put in, and no agent may ever see.
pub const PROVIDER_KEY: &str = "sk-vendor-0123456789";

/// A running mock vendor and its authority.
#[derive(Debug)]
pub struct TestVendor {
    vendor: Vendor,
    authority: Authority,
    ca: PathBuf,
}

impl TestVendor {
    /// Starts on free ports. `names` stand in its certificate beside `localhost` and `127.0.0.1`; the authority's
    /// certificate is written to `folder/vendor-ca.pem`.
    ///
    /// # Errors
    /// No port, no key, or the file cannot be written.
    pub fn start(folder: &Path, names: &[&str]) -> Result<Self, KitError> {
        let authority = Authority::new("Bursar test vendors")?;
        let ca = folder.join("vendor-ca.pem");
        std::fs::write(&ca, authority.certificate_pem())
            .map_err(|source| KitError::File { path: ca.clone(), source })?;
        let names: Vec<&str> = ["localhost", "127.0.0.1"].iter().chain(names).copied().collect();
        let options = VendorOptions {
            tls_port: Some(0),
            leaf: Some(authority.leaf(&names)?),
            key: Some(PROVIDER_KEY.to_owned()),
            ..VendorOptions::default()
        };
        Ok(Self { vendor: Vendor::start(options)?, authority, ca })
    }

    /// Base URL of the plain listener, without a slash at its end.
    ///
    /// # Errors
    /// None in practice: both listeners are always opened.
    pub fn plain_url(&self) -> Result<String, LoadtestError> {
        Ok(format!("http://{}", self.vendor.plain()?))
    }

    /// Base URL of the TLS listener under the name `localhost`.
    ///
    /// # Errors
    /// None in practice: both listeners are always opened.
    pub fn tls_url(&self) -> Result<String, LoadtestError> {
        Ok(format!("https://localhost:{}", self.vendor.tls()?.port()))
    }

    /// PEM file of the authority that signed its certificate: what the gateway must trust upstream.
    #[must_use]
    pub fn ca(&self) -> &Path {
        &self.ca
    }

    /// The authority, for more certificates of the same trust.
    #[must_use]
    pub const fn authority(&self) -> &Authority {
        &self.authority
    }
}

impl std::ops::Deref for TestVendor {
    type Target = Vendor;

    fn deref(&self) -> &Vendor {
        &self.vendor
    }
}
