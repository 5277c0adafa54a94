//! Convolutions (as in machine learning: without turning the kernel around) over one to three axes, as products of matrices whose second
//! factor is never there: parts of it are packed from the image into the panels that `gemm` multiplies with. After Chellapilla, Puri and
//! Simard, "High performance convolutional neural networks" (2006), without its buffer.
//!
//! There are two ways to see one. Usually the kernel has few positions and the result many: out = W · patches, the columns are places of the
//! result. In the gradient of a kernel it is the other way round: then outᵀ = places · Wᵀ, and the places, which are rows of the image, are
//! read where they lie.

use super::gemm::{panel, tile_of_rows, AllocError, Matrix, Vector};
use super::number::Number;

/// Axes that are convolved over; fewer have others of size 1 in front.
pub const AXES: usize = 3;
/// Steps of the inner sum in a packed block: a panel stays in L1.
const DEPTH: usize = 256;
/// Panels in a packed block, which stays in L2.
const PANELS: usize = 16;
/// Rows of W that pass by a panel at a time.
const ROWS: usize = 64;
/// Rows along the last axis of the kernel that are worth to be read where they lie.
const LONG: usize = 8;

/// What is convolved: element (n, c, i) of the image stands at `n·batch + c·channel + Σ i·axes` and so on, in elements. The image has its padding.
pub struct Geometry {
    pub batch: usize,
    pub groups: usize,
    /// Channels of a group, in and out.
    pub channels: usize,
    pub features: usize,
    pub kernel: [usize; AXES],
    pub out: [usize; AXES],
    /// How far the kernel moves from one place of the result to the next, and how far apart its elements are.
    pub strides: [usize; AXES],
    pub dilation: [usize; AXES],
    pub image: Strides,
    /// Of the kernel [features, channels, ...]: `batch` is from one feature to the next.
    pub weight: Strides,
}

#[derive(Clone, Copy)]
pub struct Strides {
    pub batch: isize,
    pub channel: isize,
    pub axes: [isize; AXES],
}

/// Working memory, kept from one call to the next.
#[derive(Default)]
pub struct Workspace<T> {
    weight: Vec<T>,
    packed: Vec<T>,
    edges: Vec<T>,
    /// Where the terms of a sum, and the places of the result, are in the image.
    terms: Vec<isize>,
    places: Vec<isize>,
}

fn sized<T: Clone + Default>(list: &mut Vec<T>, length: usize) -> Result<&mut [T], AllocError> {
    if list.len() < length {
        list.try_reserve_exact(length - list.len()).map_err(|_| AllocError)?;
        list.resize(length, T::default());
    }
    Ok(&mut list[..length])
}

impl Geometry {
    fn terms(&self) -> usize {
        self.channels * self.kernel.iter().product::<usize>()
    }

    fn outputs(&self) -> usize {
        self.out.iter().product()
    }

    /// All indices of some axes in order, with what they add up to in steps of `steps`.
    fn walk(dims: &[usize; AXES], steps: &[isize; AXES], mut visit: impl FnMut(isize)) {
        for i in 0..dims[0] as isize {
            for j in 0..dims[1] as isize {
                for k in 0..dims[2] as isize {
                    visit(i * steps[0] + j * steps[1] + k * steps[2]);
                }
            }
        }
    }

    fn steps(&self, by: &[usize; AXES]) -> [isize; AXES] {
        std::array::from_fn(|axis| by[axis] as isize * self.image.axes[axis])
    }

    /// From a place's first element to each term of its sum: channel by channel, the kernel's positions in order.
    fn term_offsets(&self, list: &mut Vec<isize>) -> Result<(), AllocError> {
        list.clear();
        list.try_reserve_exact(self.terms()).map_err(|_| AllocError)?;
        let steps = self.steps(&self.dilation);
        for c in 0..self.channels as isize {
            Self::walk(&self.kernel, &steps, |at| list.push(c * self.image.channel + at));
        }
        Ok(())
    }

    /// To the first elements of all places of the result, batch by batch.
    fn place_offsets(&self, list: &mut Vec<isize>) -> Result<(), AllocError> {
        list.clear();
        list.try_reserve_exact(self.batch * self.outputs()).map_err(|_| AllocError)?;
        let steps = self.steps(&self.strides);
        for n in 0..self.batch as isize {
            Self::walk(&self.out, &steps, |at| list.push(n * self.image.batch + at));
        }
        Ok(())
    }

    /// The kernel of a group as a matrix of features by terms.
    unsafe fn gather_weight<T: Copy>(&self, w: *const T, to: &mut [T]) {
        let mut to = to.iter_mut();
        for f in 0..self.features as isize {
            for c in 0..self.channels as isize {
                let from = w.offset(f * self.weight.batch + c * self.weight.channel);
                Self::walk(&self.kernel, &self.weight.axes, |at| {
                    if let Some(to) = to.next() {
                        *to = *from.offset(at);
                    }
                });
            }
        }
    }
}

/// out[n, g·features + f, place] = Σ over channels and kernel positions of w · x; `out` lies in order and is written whole.
///
/// # Safety
/// The pointers are valid for what the geometry describes; `out` overlaps neither image nor kernel.
pub unsafe fn convolve<V: Vector>(
    g: &Geometry,
    x: *const V::Element,
    w: *const V::Element,
    out: *mut V::Element,
    work: &mut Workspace<V::Element>,
) -> Result<(), AllocError> {
    let (terms, outputs) = (g.terms(), g.outputs());
    if terms == 0 {
        std::slice::from_raw_parts_mut(out, g.batch * g.groups * g.features * outputs).fill(V::Element::default());
        return Ok(());
    }
    let positions: usize = g.kernel.iter().product();
    g.place_offsets(&mut work.places)?;
    for group in 0..g.groups {
        let x = x.offset((group * g.channels) as isize * g.image.channel);
        let w = w.offset((group * g.features) as isize * g.weight.batch);
        let out = out.add(group * g.features * outputs);
        if positions > outputs && g.kernel[AXES - 1] >= LONG {
            by_places::<V>(g, x, w, out, work)?;
        } else {
            by_features::<V>(g, x, w, out, work)?;
        }
    }
    Ok(())
}

/// out = W · patches, a block of columns at a time.
unsafe fn by_features<V: Vector>(
    g: &Geometry,
    x: *const V::Element,
    w: *const V::Element,
    out: *mut V::Element,
    work: &mut Workspace<V::Element>,
) -> Result<(), AllocError> {
    let (terms, outputs, nr) = (g.terms(), g.outputs(), 2 * V::LANES);
    let features = g.features;
    g.term_offsets(&mut work.terms)?;
    g.gather_weight(w, sized(&mut work.weight, features * terms)?);
    let depth = terms.min(DEPTH);
    let packed = sized(&mut work.packed, PANELS * depth * nr)?.as_mut_ptr();
    let edges = sized(&mut work.edges, PANELS * features * nr)?.as_mut_ptr();
    let (weight, term_offsets, places) = (work.weight.as_ptr(), &work.terms[..], &work.places[..]);
    let image = |place: usize| out.add(place / outputs * g.groups * features * outputs + place % outputs);
    // A panel that is all of one image is written where it belongs, others by way of `edges`.
    let is_whole = |first: usize| first + nr <= places.len() && first % outputs + nr <= outputs;
    for block in (0..places.len()).step_by(PANELS * nr) {
        let firsts = || (block..places.len().min(block + PANELS * nr)).step_by(nr).enumerate();
        for from in (0..terms).step_by(depth) {
            let some = &term_offsets[from..terms.min(from + depth)];
            for (p, first) in firsts() {
                pack::<V>(x, some, &places[first..places.len().min(first + nr)], packed.add(p * depth * nr));
            }
            for row in (0..features).step_by(ROWS) {
                let rows = (features - row).min(ROWS);
                let a = Matrix { pointer: weight.add(row * terms + from), row: terms as isize, column: 1 };
                for (p, first) in firsts() {
                    let (to, ldc) = if is_whole(first) {
                        (image(first).add(row * outputs), outputs)
                    } else {
                        (edges.add((p * features + row) * nr), nr)
                    };
                    panel::<V>(rows, nr, some.len(), a, packed.add(p * depth * nr), nr, to, ldc, from > 0);
                }
            }
        }
        for (p, first) in firsts().filter(|&(_, first)| !is_whole(first)) {
            for column in 0..nr.min(places.len() - first) {
                let to = image(first + column);
                for feature in 0..features {
                    *to.add(feature * outputs) = *edges.add((p * features + feature) * nr + column);
                }
            }
        }
    }
    Ok(())
}

/// The elements of some places, term by term, as a panel; places that are missing at its end are zeros.
unsafe fn pack<V: Vector>(x: *const V::Element, terms: &[isize], places: &[isize], out: *mut V::Element) {
    let nr = 2 * V::LANES;
    let mut out = out;
    if places.len() == nr && places.windows(2).all(|pair| pair[1] == pair[0] + 1) {
        for &term in terms {
            let from = x.offset(term + places[0]);
            V::load(from).store(out);
            V::load(from.add(V::LANES)).store(out.add(V::LANES));
            out = out.add(nr);
        }
        return;
    }
    for &term in terms {
        let from = x.offset(term);
        for (q, &place) in places.iter().enumerate() {
            *out.add(q) = *from.offset(place);
        }
        for q in places.len()..nr {
            *out.add(q) = V::Element::default();
        }
        out = out.add(nr);
    }
}

/// outᵀ = places · Wᵀ: some features at a time, a row of the kernel at a time, all places pass by.
unsafe fn by_places<V: Vector>(
    g: &Geometry,
    x: *const V::Element,
    w: *const V::Element,
    out: *mut V::Element,
    work: &mut Workspace<V::Element>,
) -> Result<(), AllocError> {
    let (outputs, nr, mr) = (g.outputs(), 2 * V::LANES, 4);
    let length = g.kernel[AXES - 1];
    let along = g.dilation[AXES - 1] as isize * g.image.axes[AXES - 1];
    let steps = g.steps(&g.dilation);
    let count = work.places.len();
    let packed = sized(&mut work.packed, length * nr)?.as_mut_ptr();
    let sums = sized(&mut work.edges, count * nr)?.as_mut_ptr();
    let places = &work.places[..];
    for first in (0..g.features).step_by(nr) {
        let width = (g.features - first).min(nr);
        let mut is_first = true;
        for c in 0..g.channels as isize {
            for i in 0..g.kernel[0] as isize {
                for j in 0..g.kernel[1] as isize {
                    let row = c * g.weight.channel + i * g.weight.axes[0] + j * g.weight.axes[1];
                    for k in 0..length {
                        for q in 0..nr {
                            let at = row + (first + q) as isize * g.weight.batch + k as isize * g.weight.axes[AXES - 1];
                            *packed.add(k * nr + q) = if q < width { *w.offset(at) } else { V::Element::default() };
                        }
                    }
                    let from = x.offset(c * g.image.channel + i * steps[0] + j * steps[1]);
                    for place in (0..count).step_by(mr) {
                        let rows = (count - place).min(mr);
                        // Rows that are not there are those of the first.
                        let pointers: [*const V::Element; 4] =
                            std::array::from_fn(|r| from.offset(places[place + if r < rows { r } else { 0 }]));
                        tile_of_rows::<V>(rows, length, pointers, along, packed, nr, sums.add(place * nr), nr, !is_first);
                    }
                    is_first = false;
                }
            }
        }
        for (place, _) in places.iter().enumerate() {
            let to = out.add((place / outputs * g.groups * g.features + first) * outputs + place % outputs);
            for q in 0..width {
                *to.add(q * outputs) = *sums.add(place * nr + q);
            }
        }
    }
    Ok(())
}

/// Does the entries that are NaN again, leaving out the terms with a factor 0: as in products of matrices, 0 wins in derivatives.
///
/// # Safety
/// As `convolve`, which has written `out`.
#[allow(clippy::eq_op)]
pub unsafe fn mend<T: Number>(g: &Geometry, x: *const T, w: *const T, out: *mut T) {
    let outputs = g.outputs();
    let all = g.groups * g.features;
    let entries = std::slice::from_raw_parts_mut(out, g.batch * all * outputs);
    for (at, entry) in entries.iter_mut().enumerate().filter(|(_, entry)| **entry != **entry) {
        let (n, feature, place) = (at / (all * outputs), at / outputs % all, at % outputs);
        let index = [place / (g.out[1] * g.out[2]), place / g.out[2] % g.out[1], place % g.out[2]];
        let group = feature / g.features;
        let mut x = x.offset(n as isize * g.image.batch + (group * g.channels) as isize * g.image.channel);
        let w = w.offset(feature as isize * g.weight.batch);
        for (axis, at) in index.into_iter().enumerate() {
            x = x.offset((at * g.strides[axis]) as isize * g.image.axes[axis]);
        }
        let mut sum = T::ZERO;
        for c in 0..g.channels as isize {
            for i in 0..g.kernel[0] as isize {
                for j in 0..g.kernel[1] as isize {
                    for k in 0..g.kernel[2] as isize {
                        let along = |strides: &Strides, by: [usize; AXES]| {
                            let [s0, s1, s2] = strides.axes;
                            c * strides.channel + i * by[0] as isize * s0 + j * by[1] as isize * s1 + k * by[2] as isize * s2
                        };
                        let (a, b) = (*x.offset(along(&g.image, g.dilation)), *w.offset(along(&g.weight, [1; AXES])));
                        if a != T::ZERO && b != T::ZERO {
                            sum = sum.plus(a.times(b));
                        }
                    }
                }
            }
        }
        *entry = sum;
    }
}
