//! A small map. The standard one brings 5 kB along for each pair of types.

use std::{borrow::Borrow, collections::VecDeque};

/// In the order of its keys. Those that come in their order are found, added and taken away fast.
#[derive(Debug)]
pub(crate) struct Table<K, V>(VecDeque<(K, V)>);

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<K: Ord, V> Table<K, V> {
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        self.0.binary_search_by(|(other, _)| other.borrow().cmp(key))
    }

    pub(crate) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.0.get(self.find(key).ok()?).map(|(_, value)| value)
    }

    pub(crate) fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let at = self.find(key).ok()?;
        self.0.get_mut(at).map(|(_, value)| value)
    }

    pub(crate) fn contains<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_ok()
    }

    /// Gives what was there.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            Ok(at) => self.0.get_mut(at).map(|(_, old)| std::mem::replace(old, value)),
            Err(at) => {
                self.0.insert(at, (key, value));
                None
            }
        }
    }

    pub(crate) fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let at = self.find(key).ok()?;
        self.0.remove(at).map(|(_, value)| value)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &K> {
        self.0.iter().map(|(key, _)| key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn it_finds_what_it_was_given_and_nothing_else() {
        let mut table = Table::<String, u32>::default();
        assert!(table.is_empty());
        for (at, key) in ["m", "a", "z", "q", "b"].into_iter().enumerate() {
            assert_eq!(table.insert(key.to_owned(), at as u32), None);
        }
        assert_eq!(table.insert("q".to_owned(), 9), Some(3));
        assert_eq!(table.values().copied().collect::<Vec<_>>(), [1, 4, 0, 9, 2]);
        assert_eq!((table.get("q"), table.get("x"), table.contains("a")), (Some(&9), None, true));
        if let Some(value) = table.get_mut("a") {
            *value = 7;
        }
        assert_eq!((table.remove("a"), table.remove("a"), table.contains("a")), (Some(7), None, false));
        assert_eq!(table.values().count(), 4);
    }
}
