//! Which parts of a tape nothing reaches but given tracked values: what can be moved elsewhere as it is.

use super::*;
use crate::memory::room::list_of;

/// Parts of a tape that hang together through their nodes (not through leaves, each of which is a part by itself), and that only the tracked
/// values they were asked for with refer to. What they are computed from may stay.
pub struct Closed {
    nodes: Vec<u32>,
    ends: Vec<usize>,
}

impl Closed {
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The nodes of a part, in order.
    pub fn part(&self, index: usize) -> &[u32] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.nodes[start..self.ends[index]]
    }
}

fn root_of(part: &mut [u32], mut node: usize) -> usize {
    while part[node] as usize != node {
        part[node] = part[part[node] as usize];
        node = part[node] as usize;
    }
    node
}

impl Tape {
    /// The closed parts behind `handles`, the nodes of tracked values, one entry for each value. `named` says by node whether a node that stays
    /// can be found again.
    pub fn closed(&self, handles: &[u32], named: &[bool]) -> Result<Closed> {
        let length = self.len();
        // References that are not accounted for; then whether a node stays.
        let mut stays: Vec<u32> = list_of(length)?;
        stays.extend_from_slice(&self.references);
        for &node in handles {
            stays[node as usize] -= 1;
        }
        let living = |node: &usize| self.flags[*node] & DEAD == 0;
        for node in (1..length).filter(living) {
            self.sources(node).iter().filter(|&&s| s != 0).for_each(|&s| stays[s as usize] -= 1);
        }
        for node in (1..length).rev().filter(living) {
            let tied = self.flags[node] & (HOOKED | RETAIN_GRADIENT) != 0 || self.op[node] == CALLBACK;
            if stays[node] > 0 || tied || node as u32 == self.epitaph {
                stays[node] = 1;
                self.sources(node).iter().for_each(|&s| stays[s as usize] = 1);
            }
        }
        let mut part: Vec<u32> = list_of(length)?;
        part.extend(0..length as u32);
        let goes = |stays: &[u32], node: usize| node != 0 && stays[node] == 0;
        for node in (1..length).filter(living) {
            if !goes(&stays, node) {
                continue;
            }
            for &source in self.sources(node) {
                // Of leaves each is a part by itself.
                if goes(&stays, source as usize) && self.op[source as usize] != LEAF {
                    let (a, b) = (root_of(&mut part, node), root_of(&mut part, source as usize));
                    part[a.max(b)] = a.min(b) as u32;
                }
            }
        }
        // A part stays whole when it is computed from something that stays and has no name.
        let mut found: Vec<(u32, u32)> = list_of(length)?;
        for node in (1..length).filter(living) {
            if goes(&stays, node) {
                found.push((root_of(&mut part, node) as u32, node as u32));
            }
        }
        let mut refused = repeated(false, length)?;
        for &(root, node) in &found {
            let nameless = |&s: &u32| {
                let n = s as usize;
                n != 0 && stays[n] != 0 && self.op[n] != LEAF && s != self.epitaph && !named[n]
            };
            refused[root as usize] |= self.sources(node as usize).iter().any(nameless);
        }
        found.retain(|&(root, _)| !refused[root as usize]);
        // Leaves last: what was computed from them must have gone before.
        found.sort_unstable_by_key(|&(root, node)| (self.op[node as usize] == LEAF, root, node));
        let (mut nodes, mut ends) = (list_of(found.len())?, list_of(found.len())?);
        for (i, &(root, node)) in found.iter().enumerate() {
            nodes.push(node);
            if found.get(i + 1).is_none_or(|next| next.0 != root) {
                ends.push(nodes.len());
            }
        }
        Ok(Closed { nodes, ends })
    }

    /// Whether a part is still closed: all references to its nodes are its own, or of `handles`. A leaf that nobody but other parts referred to
    /// is gone with them.
    pub fn is_closed(&self, part: &[u32], handles: &[(u32, Id)]) -> Result<bool> {
        if part.iter().any(|&n| n as usize >= self.len() || self.flags[n as usize] & DEAD != 0) {
            return Ok(false);
        }
        let mut counted = repeated(0u32, part.len())?;
        for &node in part {
            for s in self.sources(node as usize) {
                if let Ok(place) = part.binary_search(s) {
                    counted[place] += 1;
                }
            }
        }
        for (node, _) in handles {
            if let Ok(place) = part.binary_search(node) {
                counted[place] += 1;
            }
        }
        Ok(part.iter().zip(counted).all(|(&n, count)| self.references[n as usize] == count))
    }

    /// Times that a leaf got other numbers.
    pub fn writes(&self, leaf: usize) -> f64 {
        self.params(leaf)[1]
    }

    /// Whether this is the node that stands for histories that are gone.
    pub fn is_epitaph(&self, node: u32) -> bool {
        node != 0 && node == self.epitaph
    }

    /// The inputs and the output, and whether only dims and dtype of each are asked for.
    pub fn held(&self, node: usize) -> impl Iterator<Item = (Id, bool)> + '_ {
        let all = self.input[self.input_range(node)].iter().chain(std::iter::once(&self.output[node]));
        all.map(|&id| (plain(id), id != NONE && id != plain(id)))
    }
}
