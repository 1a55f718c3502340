"""The table: cubes, spheres and cylinders that roll, slide and collide on a plane, ray cast."""
