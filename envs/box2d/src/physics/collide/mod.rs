//! Narrow phase: the manifold of two shapes.

mod circles;
mod clip;
mod edge_polygon;
mod polygons;

use super::manifold::Manifold;
use super::math::Transform;
use super::shape::Shape;

/// The manifold of two shapes in their frames. The first is a polygon or an edge unless both are circles, and an edge
/// unless both are not (see [`is_in_order`]).
pub(super) fn collide(a: &Shape, xf_a: Transform, b: &Shape, xf_b: Transform) -> Manifold {
    match (a, b) {
        (Shape::Edge(a), Shape::Polygon(b)) => edge_polygon::collide(a, xf_a, b, xf_b),
        (Shape::Polygon(a), Shape::Polygon(b)) => polygons::collide(a, xf_a, b, xf_b),
        (Shape::Polygon(a), Shape::Circle(b)) => circles::polygon_circle(a, xf_a, b, xf_b),
        (Shape::Edge(a), Shape::Circle(b)) => circles::edge_circle(a, xf_a, b, xf_b),
        (Shape::Circle(a), Shape::Circle(b)) => circles::circle_circle(a, xf_a, b, xf_b),
        _ => Manifold::default(),
    }
}

/// Whether two shapes of these kinds collide, in whatever order.
pub(super) fn do_collide(a: &Shape, b: &Shape) -> bool {
    !matches!((a, b), (Shape::Edge(_), Shape::Edge(_)))
}

/// Whether [`collide`] takes shapes of these kinds in this order.
pub(super) fn is_in_order(a: &Shape, b: &Shape) -> bool {
    let rank = |shape: &Shape| match shape {
        Shape::Edge(_) => 0,
        Shape::Polygon(_) => 1,
        Shape::Circle(_) => 2,
    };
    rank(a) <= rank(b)
}
