//! A small map. The standard one brings 5 kB along for each pair of types.

use std::{borrow::Borrow, collections::VecDeque};

/// In the order of its keys. Those that come in their order are found, added and taken away fast. The keys stand by themselves: what
/// finds one is then the same for all values.
#[derive(Debug)]
pub(crate) struct Table<K, V> {
    keys: VecDeque<K>,
    values: VecDeque<V>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { keys: VecDeque::new(), values: VecDeque::new() }
    }
}

impl<K: Ord, V> Table<K, V> {
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        self.keys.binary_search_by(|other| other.borrow().cmp(key))
    }

    pub(crate) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.values.get(self.find(key).ok()?)
    }

    pub(crate) fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let at = self.find(key).ok()?;
        self.values.get_mut(at)
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
            Ok(at) => self.values.get_mut(at).map(|old| std::mem::replace(old, value)),
            Err(at) => {
                self.keys.insert(at, key);
                self.values.insert(at, value);
                None
            }
        }
    }

    pub(crate) fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let at = self.find(key).ok()?;
        self.keys.remove(at);
        self.values.remove(at)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.values.iter()
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &K> {
        self.keys.iter()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.keys.iter().zip(&self.values)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
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
