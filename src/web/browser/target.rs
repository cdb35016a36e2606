//! The browser's URLs.

use js_sys::global;
use web_sys::Url;

use super::get;

/// An address, resolved against the page's own.
pub(crate) struct Target(Url);

impl Target {
    /// Relative addresses are relative to the document's base, or to a worker's own address.
    pub(crate) fn resolve(address: &str) -> Option<Self> {
        let base = get(&get(&global(), "document"), "baseURI");
        let base = if base.is_string() { base } else { get(&get(&global(), "location"), "href") };
        let url = match base.as_string() {
            Some(base) => Url::new_with_base(address, &base),
            None => Url::new(address),
        };
        url.ok().map(Self)
    }

    pub(crate) fn protocol(&self) -> String {
        self.0.protocol()
    }

    pub(crate) fn set_protocol(&self, protocol: &str) {
        self.0.set_protocol(protocol);
    }

    pub(crate) fn hostname(&self) -> String {
        self.0.hostname()
    }

    pub(crate) fn port(&self) -> Option<u16> {
        self.0.port().parse().ok()
    }

    pub(crate) fn origin(&self) -> String {
        self.0.origin()
    }

    pub(crate) fn href(&self) -> String {
        self.0.href()
    }

    pub(crate) fn has_credentials(&self) -> bool {
        !(self.0.username().is_empty() && self.0.password().is_empty())
    }

    pub(crate) fn drop_fragment(&self) {
        self.0.set_hash("");
    }

    /// `URLSearchParams.set` writes the whole query anew, which can break a signature: only where it must.
    pub(crate) fn set_parameter(&self, name: &str, value: &str) {
        let parameters = self.0.search_params();
        if parameters.has(name) {
            return parameters.set(name, value);
        }
        let (search, one) = (self.0.search(), web_sys::UrlSearchParams::new());
        let Ok(one) = one else { return };
        one.append(name, value);
        let pair = one.to_string().as_string().unwrap_or_default();
        self.0.set_search(
            &[search.as_str(), if search.is_empty() { "?" } else { "&" }, pair.as_str()].concat(),
        );
    }

    pub(crate) fn delete_parameter(&self, name: &str) {
        self.0.search_params().delete(name);
    }
}

/// The page's own.
pub(crate) fn origin() -> Option<String> {
    get(&global(), "origin").as_string()
}

pub(crate) fn origin_of(address: &str) -> Option<String> {
    Target::resolve(address).map(|target| target.origin())
}
