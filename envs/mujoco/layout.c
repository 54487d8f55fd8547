// Prints src/engine/layout.rs: where MuJoCo's structures hold what is read of them.
//
//     cc -I INCLUDE layout.c -o layout && ./layout > src/engine/layout.rs && cargo fmt -p slm-env-mujoco
//
// INCLUDE is the folder of MuJoCo's headers, which come with its releases and its wheel.
#include <stddef.h>
#include <stdio.h>
#include <mujoco/mujoco.h>

#define FIELD(structure, field) \
  printf("    pub(in crate::engine) const %s: usize = %zu;\n", name(#field), offsetof(structure, field))
#define MODEL(field) FIELD(struct mjModel_, field)
#define DATA(field) FIELD(struct mjData_, field)
#define VIEW(field) FIELD(struct mjvCamera_, field)
#define VALUE(type, name, value) \
  printf("pub(in crate::engine) const " name ": " type " = %d;\n", (int)(value))

// A field's name as a constant's.
static const char* name(const char* field) {
  static char out[64];
  int i = 0;
  for (; field[i]; i++) {
    char c = field[i];
    out[i] = c == '.' ? '_' : c >= 'a' && c <= 'z' ? c - 32 : c;
  }
  out[i] = 0;
  return out;
}

int main(void) {
  printf("//! Where MuJoCo's structures hold what is read of them; written by `layout.c`.\n\n");
  printf("/// The version of MuJoCo whose structures these are.\n");
  VALUE("i32", "VERSION", mjVERSION_HEADER);
  printf("/// What a state consists of that goes on exactly.\n");
  VALUE("i32", "INTEGRATION", mjSTATE_INTEGRATION);
  printf("/// Kinds of named things.\n");
  VALUE("i32", "BODY", mjOBJ_BODY);
  VALUE("i32", "CAMERA", mjOBJ_CAMERA);
  printf("/// Kinds of shapes.\n");
  VALUE("i32", "PLANE", mjGEOM_PLANE);
  VALUE("i32", "HEIGHT_FIELD", mjGEOM_HFIELD);
  VALUE("i32", "BOX", mjGEOM_BOX);
  VALUE("i32", "MESH", mjGEOM_MESH);
  printf("/// Kinds of cameras of a scene.\n");
  VALUE("i32", "CAMERA_FREE", mjCAMERA_FREE);
  VALUE("i32", "CAMERA_FIXED", mjCAMERA_FIXED);
  printf("/// What a scene shows: all.\n");
  VALUE("i32", "ALL", mjCAT_ALL);
  printf("/// What is drawn into: memory.\n");
  VALUE("i32", "OFFSCREEN", mjFB_OFFSCREEN);
  printf("/// Size of letters, of which none are drawn.\n");
  VALUE("i32", "FONT", mjFONTSCALE_100);
  printf("/// Bytes of what the renderer works with.\n");
  VALUE("usize", "CAMERA_SIZE", sizeof(mjvCamera));
  VALUE("usize", "OPTION_SIZE", sizeof(mjvOption));
  VALUE("usize", "SCENE_SIZE", sizeof(mjvScene));
  VALUE("usize", "CONTEXT_SIZE", sizeof(mjrContext));
  printf("/// The severest kind of message.\n");
  VALUE("i32", "ERROR", mjLOG_ERROR);
  printf("/// Counts of warnings that mean too little memory for contacts, by their index.\n");
  printf("pub(in crate::engine) const OVERFLOWS: [usize; 2] = [%d, %d];\n", mjWARN_CONTACTFULL, mjWARN_CNSTRFULL);
  printf("/// Counts of warnings that mean a divergence, by their index.\n");
  printf("pub(in crate::engine) const DIVERGENCES: [usize; 3] = [%d, %d, %d];\n",
         mjWARN_BADQPOS, mjWARN_BADQVEL, mjWARN_BADQACC);
  printf("/// Bytes of the statistics of a warning.\n");
  VALUE("usize", "WARNING_SIZE", sizeof(mjWarningStat));
  printf("/// Bytes from the start of a warning's statistics to its count.\n");
  VALUE("usize", "WARNING_NUMBER", offsetof(mjWarningStat, number));

  printf("\n/// Offsets in `mjModel`.\npub(in crate::engine) mod model {\n");
  MODEL(nq); MODEL(nv); MODEL(nu); MODEL(nbody); MODEL(ngeom); MODEL(nsite); MODEL(ncam);
  MODEL(opt.timestep); MODEL(stat.extent); MODEL(stat.center); MODEL(vis.global.fovy);
  MODEL(body_mass); MODEL(actuator_ctrlrange);
  MODEL(geom_type); MODEL(geom_size); MODEL(geom_rbound); MODEL(geom_rgba); MODEL(geom_group);
  MODEL(cam_fovy);
  printf("}\n\n/// Offsets in `mjData`.\npub(in crate::engine) mod data {\n");
  DATA(warning); DATA(qpos); DATA(qvel); DATA(ctrl); DATA(xpos); DATA(xipos); DATA(subtree_com); DATA(cinert);
  DATA(cvel); DATA(qfrc_actuator); DATA(qfrc_constraint); DATA(cfrc_ext); DATA(site_xpos);
  DATA(geom_xpos); DATA(geom_xmat); DATA(cam_xpos); DATA(cam_xmat);
  printf("}\n\n/// Offsets in `mjvCamera`.\npub(in crate::engine) mod camera {\n");
  VIEW(type); VIEW(fixedcamid); VIEW(lookat); VIEW(distance); VIEW(azimuth); VIEW(elevation);
  printf("}\n");
}
