//! The headers of an answer, where the browser has them.

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Headers(pub(crate) web_sys::Headers);

impl Headers {
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        // It throws for what is no name of a header.
        self.0.get(name).ok().flatten()
    }
}
