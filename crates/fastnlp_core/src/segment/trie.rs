//! All words and their prefixes as a hash table of edges: insertion at any time, one probe a step.

/// Which of the distinct frequencies a word has; see [`super::dictionary::Dictionary`].
pub type FrequencyId = u32;
/// No entry with these characters.
pub const ABSENT: FrequencyId = 0;
/// An entry of frequency 0: the beginning of a longer word, or a deleted word.
pub const PREFIX: FrequencyId = 1;

/// Nodes of one character are numbered by their code point, longer ones from here on.
const FIRST_LONG_NODE: u32 = char::MAX as u32 + 1;

#[derive(Clone, Copy)]
struct Edge {
    parent: u32,
    letter: char,
    /// 0 marks an empty slot: no edge leads to a node of one character.
    child: u32,
    frequency: FrequencyId,
}

const EMPTY: Edge = Edge { parent: 0, letter: '\0', child: 0, frequency: ABSENT };

/// Maps every word and every prefix of a word to a [`FrequencyId`].
pub struct Trie {
    /// By code point. Pages of characters that no word begins with are never touched.
    singles: Vec<FrequencyId>,
    /// Open addressing with linear probing, at most half full; the length is a power of two.
    edges: Vec<Edge>,
    edge_count: u32,
}

impl Trie {
    pub fn new() -> Self {
        Self {
            singles: vec![ABSENT; FIRST_LONG_NODE as usize],
            edges: vec![EMPTY; 1024],
            edge_count: 0,
        }
    }

    /// The entries for the first 1, 2, … letters, as far as there are any.
    pub fn prefixes(&self, letters: &[char]) -> impl Iterator<Item = FrequencyId> {
        let mut letters = letters.iter();
        let mut node = None;
        std::iter::from_fn(move || {
            let letter = *letters.next()?;
            let (child, frequency) = match node {
                None => self.first(letter)?,
                Some(parent) => self.step(parent, letter)?,
            };
            node = Some(child);
            Some(frequency)
        })
        .fuse()
    }

    /// The entry of exactly these letters.
    pub fn get(&self, letters: &[char]) -> FrequencyId {
        let mut found = self.prefixes(letters);
        match letters.len() {
            0 => ABSENT,
            length => found.nth(length - 1).unwrap_or(ABSENT),
        }
    }

    /// Sets the entry of `word`, which has at least one letter, and makes its prefixes known.
    pub fn set(&mut self, word: &str, frequency: FrequencyId) {
        let mut letters = word.chars();
        let Some(first) = letters.next() else { return };
        let mut node = first as u32;
        let mut entry = &mut self.singles[first as usize];
        for letter in letters {
            *entry = PREFIX.max(*entry);
            let edge = self.edge_or_insert(node, letter);
            (node, entry) = (edge.child, &mut edge.frequency);
        }
        *entry = frequency;
    }

    fn first(&self, letter: char) -> Option<(u32, FrequencyId)> {
        let frequency = self.singles[letter as usize];
        (frequency != ABSENT).then_some((letter as u32, frequency))
    }

    fn step(&self, parent: u32, letter: char) -> Option<(u32, FrequencyId)> {
        let edge = self.edges[self.slot(parent, letter)];
        (edge.child != 0).then_some((edge.child, edge.frequency))
    }

    /// Where the edge is, or the empty slot where it belongs.
    fn slot(&self, parent: u32, letter: char) -> usize {
        let mask = self.edges.len() - 1;
        let key = (u64::from(parent) << 32) | u64::from(letter);
        let hash =
            key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - self.edges.len().trailing_zeros());
        let mut slot = hash as usize & mask;
        loop {
            let edge = &self.edges[slot];
            if edge.child == 0 || (edge.parent == parent && edge.letter == letter) {
                return slot;
            }
            slot = (slot + 1) & mask;
        }
    }

    fn edge_or_insert(&mut self, parent: u32, letter: char) -> &mut Edge {
        let mut slot = self.slot(parent, letter);
        if self.edges[slot].child == 0 {
            if self.edge_count as usize * 2 >= self.edges.len() {
                self.double();
                slot = self.slot(parent, letter);
            }
            let child = FIRST_LONG_NODE + self.edge_count;
            self.edges[slot] = Edge { parent, letter, child, frequency: PREFIX };
            self.edge_count += 1;
        }
        &mut self.edges[slot]
    }

    fn double(&mut self) {
        let doubled = vec![EMPTY; self.edges.len() * 2];
        for edge in std::mem::replace(&mut self.edges, doubled) {
            if edge.child != 0 {
                let slot = self.slot(edge.parent, edge.letter);
                self.edges[slot] = edge;
            }
        }
    }
}
