"""Records scenes of pybox2d 2.3.10 for `tests/physics.rs`: what was done, and a hash of the state after every step.

python3 -m venv venv && venv/bin/pip install "gymnasium[box2d]==1.4.0"
venv/bin/python record.py ../fixtures            # the recordings in the tree
venv/bin/python record.py DIR --full [--fuzz N]  # whole states, for finding a difference; N random scenes more

A scene is a file of JSON lines: operations, whose ids count bodies, fixtures and joints from 0, and steps.
"""

import json
import math
import pathlib
import random
import struct
import sys

import Box2D
from Box2D.b2 import (
    circleShape,
    contactListener,
    edgeShape,
    fixtureDef,
    polygonShape,
    rayCastCallback,
    revoluteJointDef,
)

FNV_OFFSET, FNV_PRIME = 0xCBF29CE484222325, 0x100000001B3
FULL = "--full" in sys.argv


def bits(x):
    return struct.unpack("<I", struct.pack("<f", x))[0]


def fnv(words, value):
    """FNV-1a of little-endian words."""
    for byte in struct.pack(f"<{len(words)}I", *words):
        value = (value ^ byte) * FNV_PRIME & 0xFFFFFFFFFFFFFFFF
    return value


def short(value):
    """Numbers of few digits: what is done is what is written."""
    if isinstance(value, (tuple, list)):
        return tuple(short(part) for part in value)
    return round(value, 3) if isinstance(value, float) else value


class Listener(contactListener):
    def __init__(self, scene):
        contactListener.__init__(self)
        self.scene = scene

    def report(self, contact, began):
        a, b = contact.fixtureA, contact.fixtureB
        self.scene.events += [began, self.scene.fixture_id(a), self.scene.fixture_id(b)]

    def BeginContact(self, contact):
        self.report(contact, 1)

    def EndContact(self, contact):
        self.report(contact, 0)


class Ray(rayCastCallback):
    def __init__(self, scene, mask):
        rayCastCallback.__init__(self)
        self.scene, self.mask = scene, mask
        self.found = [0, 0, 0, 0, 0]

    def ReportFixture(self, fixture, point, normal, fraction):
        if fixture.filterData.categoryBits & self.mask == 0:
            return -1.0
        self.found = [
            self.scene.fixture_id(fixture) + 1,
            bits(point[0]),
            bits(point[1]),
            bits(normal[0]),
            bits(fraction),
        ]
        return fraction


class Scene:
    def __init__(self, out, gravity=(0, -10)):
        self.out = out
        self.world = Box2D.b2World(gravity=gravity)
        self.listener = Listener(self)
        self.world.contactListener = self.listener
        self.bodies, self.joints = [], []
        self.num_fixtures = 0
        self.events, self.rays = [], []
        self.num_steps, self.hash, self.settings = 0, FNV_OFFSET, None
        self.log(op="world", gravity=gravity)

    def log(self, **row):
        self.flush()
        self.out.write(json.dumps(row, separators=(",", ":")) + "\n")

    def flush(self, **row):
        """Writes the hash of the steps since the last row."""
        if self.num_steps > 0:
            row = {"op": "step", "n": self.num_steps, "hash": f"{self.hash:016x}"} | row
            self.out.write(json.dumps(row, separators=(",", ":")) + "\n")
            self.num_steps, self.hash = 0, FNV_OFFSET

    def fixture_id(self, fixture):
        return fixture.userData

    def body(self, kind, position, angle=0.0, **kwargs):
        position, angle = short((position, angle))
        kwargs = {name: short(value) for name, value in kwargs.items()}
        make = {
            "static": self.world.CreateStaticBody,
            "kinematic": self.world.CreateKinematicBody,
            "dynamic": self.world.CreateDynamicBody,
        }[kind]
        body = make(position=position, angle=angle, **kwargs)
        body.userData = len(self.bodies)
        self.bodies.append(body)
        self.log(op="body", kind=kind, position=position, angle=angle, **kwargs)
        return body.userData

    def fixture(self, body, shape, density=1.0, friction=0.2, restitution=0.0, sensor=False,
                category=1, mask=0xFFFF, group=0):
        kind, data = short(shape)
        density, friction, restitution = short((density, friction, restitution))
        made = {
            "polygon": lambda: polygonShape(vertices=data),
            "edge": lambda: edgeShape(vertices=data),
            "circle": lambda: circleShape(pos=data[0], radius=data[1]),
        }[kind]()
        created = self.bodies[body].CreateFixture(fixtureDef(
            shape=made, density=density, friction=friction, restitution=restitution,
            isSensor=sensor, categoryBits=category, maskBits=mask, groupIndex=group))
        created.userData = self.num_fixtures
        self.num_fixtures += 1
        self.log(op="fixture", body=body, shape=kind, data=data, density=density,
                 friction=friction, restitution=restitution, sensor=sensor, category=category,
                 mask=mask, group=group)

    def joint(self, a, b, anchor_a, anchor_b, **kwargs):
        anchor_a, anchor_b = short((anchor_a, anchor_b))
        kwargs = {name: short(value) for name, value in kwargs.items()}
        joint = self.world.CreateJoint(revoluteJointDef(
            bodyA=self.bodies[a], bodyB=self.bodies[b], localAnchorA=anchor_a,
            localAnchorB=anchor_b, **kwargs))
        self.joints.append(joint)
        self.log(op="joint", a=a, b=b, anchor_a=anchor_a, anchor_b=anchor_b, **kwargs)
        return len(self.joints) - 1

    def do(self, op, body, *args):
        target, args = self.bodies[body], short(args)
        if op == "destroy":
            self.world.DestroyBody(target)
            self.bodies[body] = None
        elif op == "force":
            target.ApplyForce(args[0], args[1], True)
        elif op == "center_force":
            target.ApplyForceToCenter(args[0], True)
        elif op == "torque":
            target.ApplyTorque(args[0], True)
        elif op == "impulse":
            target.ApplyLinearImpulse(args[0], args[1], True)
        elif op == "spin":
            target.ApplyAngularImpulse(args[0], True)
        elif op == "velocity":
            target.linearVelocity = args[0]
        elif op == "angular_velocity":
            target.angularVelocity = args[0]
        elif op == "transform":
            target.transform = (args[0], args[1])
        self.log(op=op, body=body, args=args)

    def motor(self, joint, speed, torque=None):
        speed, torque = short((speed, torque))
        self.joints[joint].motorSpeed = speed
        if torque is not None:
            self.joints[joint].maxMotorTorque = torque
        self.log(op="motor", joint=joint, speed=speed, torque=torque)

    def ray(self, p1, p2, mask=0xFFFF):
        ray, (p1, p2) = Ray(self, mask), short((p1, p2))
        self.world.RayCast(ray, p1, p2)
        self.rays += ray.found
        self.log(op="ray", p1=p1, p2=p2, mask=mask)

    def state(self):
        words = list(self.rays)
        for body in self.bodies:
            if body is not None:
                words += map(bits, [*body.position, body.angle, *body.linearVelocity,
                                    body.angularVelocity, *body.worldCenter, body.mass,
                                    body.inertia])
                words.append(int(body.awake))
        words += self.events
        for contact in self.world.contacts_gen:
            words += [self.fixture_id(contact.fixtureA), self.fixture_id(contact.fixtureB),
                      int(contact.touching)]
        return words

    def step(self, dt=1.0 / 50.0, velocity=180, position=60):
        settings = (dt, velocity, position)
        if settings != self.settings:
            self.log(op="settings", dt=dt, velocity=velocity, position=position)
            self.settings = settings
        self.world.Step(dt, velocity, position)
        words = self.state()
        self.hash = fnv(words, self.hash)
        self.num_steps += 1
        if FULL:
            self.flush(state=words)
        elif self.num_steps == 10:
            self.flush()
        self.events, self.rays = [], []


def box(w, h):
    return ("polygon", [(-w, -h), (w, -h), (w, h), (-w, h)])


def ground(scene, ys, dx=2.0, friction=0.1):
    body = scene.body("static", (0, 0))
    points = [(dx * i, y) for i, y in enumerate(ys)]
    for p1, p2 in zip(points, points[1:]):
        scene.fixture(body, ("edge", [p1, p2]), density=0.0, friction=friction)
    return body


def boxes(out, rng):
    scene = Scene(out)
    ground(scene, [3, 0, 1, 0, 0, 4], 4.0, 0.4)
    for i in range(6):
        body = scene.body("dynamic", (3 + 2.3 * i, 5 + 0.7 * i), 0.3 * i)
        scene.fixture(body, box(0.4 + 0.1 * i, 0.5), friction=0.5, restitution=0.1 * i)
    for _ in range(400):
        scene.step()
    return scene


def pile(out, rng):
    scene = Scene(out)
    base = scene.body("static", (0, -1), 0.01)
    scene.fixture(base, box(10, 1), density=0.0, friction=0.6)
    for row in range(5):
        for i in range(5 - row):
            body = scene.body("dynamic", (i + 0.5 * row - 2, 0.5 + 1.05 * row))
            scene.fixture(body, box(0.45, 0.45), friction=0.6)
    for i in range(260):
        if i == 150:
            scene.do("impulse", 3, (3.0, 1.0), (0.0, 0.5))
        scene.step(1 / 60, 8, 3)
    return scene


def pendulums(out, rng):
    scene = Scene(out)
    anchor = scene.body("static", (0, 10))
    scene.fixture(anchor, box(0.2, 0.2))
    previous = anchor
    limits = [
        dict(enableLimit=True, lowerAngle=-0.5, upperAngle=0.7),
        dict(enableMotor=True, motorSpeed=2.0, maxMotorTorque=30.0),
        dict(enableLimit=True, lowerAngle=0.2, upperAngle=0.21, enableMotor=True, motorSpeed=1.0,
             maxMotorTorque=5.0),
        dict(enableLimit=True, lowerAngle=-0.1, upperAngle=1.1, enableMotor=True, motorSpeed=-3.0,
             maxMotorTorque=40.0),
        dict(),
    ]
    for i, limit in enumerate(limits):
        body = scene.body("dynamic", (0.1 * i, 9 - i), 0.1 * i)
        scene.fixture(body, box(0.1, 0.45), density=1.0 + i)
        scene.joint(previous, body, (0, -0.5), (0, 0.5), **limit)
        previous = body
    fixed = scene.body("dynamic", (5, 9), fixedRotation=True, linearDamping=0.3)
    scene.fixture(fixed, box(0.3, 0.3))
    scene.joint(anchor, fixed, (5, 0), (0, 1), enableMotor=True, motorSpeed=1.0,
                maxMotorTorque=10.0)
    for i in range(400):
        if i % 40 == 0:
            scene.motor(3, 3.0 if i % 80 else -3.0, 20.0 + i / 10)
            scene.motor(1, -2.0 if i % 80 else 2.0)
        scene.step()
    return scene


def circles(out, rng):
    scene = Scene(out)
    ground(scene, [6, 1, 0, 0.5, 0, 6], 3.0, 0.3)
    block = scene.body("static", (7, 2), 0.4)
    scene.fixture(block, ("polygon", [(-1, -0.5), (1, -0.5), (0.6, 0.6), (-0.6, 0.6)]))
    for i in range(10):
        body = scene.body("dynamic", (3 + rng.uniform(0, 9), 5 + i), angularDamping=0.1 * (i % 3))
        scene.fixture(body, ("circle", [(0.05 * (i % 4), 0), 0.2 + 0.05 * i]),
                      restitution=0.08 * i)
        if i % 3 == 0:
            scene.fixture(body, box(0.5, 0.1))
    for _ in range(400):
        scene.step()
    return scene


def bullets(out, rng):
    scene = Scene(out)
    ground(scene, [8, 0, 2, 0, 8], 5.0, 0.2)
    wall = scene.body("static", (3.3, 3.1), 0.7)
    scene.fixture(wall, box(2.0, 0.02))
    for i in range(8):
        body = scene.body("dynamic", (6 + i, 6 + 0.5 * i), 0.2 * i, bullet=i % 4 == 0)
        shape = box(0.15, 0.1) if i % 2 else ("circle", [(0, 0), 0.12])
        scene.fixture(body, shape, restitution=0.2 * (i % 4), density=2.0)
        scene.do("velocity", body, (rng.uniform(-90, 90), rng.uniform(-90, -30)))
        scene.do("angular_velocity", body, rng.uniform(-20, 20))
    for i in range(250):
        if i % 50 == 49:
            for body in range(2, 10):
                scene.do("velocity", body, (rng.uniform(-90, 90), rng.uniform(-90, 30)))
        scene.step()
    return scene


def filters(out, rng):
    scene = Scene(out)
    floor = ground(scene, [1, 0, 0, 0, 1], 3.0)
    zone = scene.body("static", (6, 1.5))
    scene.fixture(zone, box(1.5, 1.0), sensor=True)
    lift = scene.body("kinematic", (3, 0.5))
    scene.fixture(lift, box(0.8, 0.2))
    scene.do("velocity", lift, (0.3, 0.6))
    for i in range(12):
        body = scene.body("dynamic", (2 + 0.7 * i, 3 + 0.4 * (i % 5)))
        scene.fixture(body, box(0.3, 0.25) if i % 2 else ("circle", [(0, 0), 0.3]),
                      category=1 << (i % 3), mask=[0xFFFF, 0x3, 0x5][i % 3],
                      group=[0, 0, -1, 2][i % 4])
        if i % 5 == 0:
            scene.fixture(body, ("circle", [(0, 0.3), 0.5]), sensor=True, density=0.0)
    alive = list(range(3, 15))
    for i in range(300):
        if i % 25 == 24 and len(alive) > 4:
            scene.do("destroy", alive.pop(rng.randrange(len(alive))))
        if i % 30 == 0:
            scene.do("transform", alive[-1], (rng.uniform(2, 8), 4.0), 0.5)
        if i % 60 == 10:
            body = scene.body("dynamic", (6.0, 4.0))
            scene.fixture(body, box(0.2, 0.2), restitution=0.4)
            alive.append(body)
        scene.step()
    return scene


def rays(out, rng):
    scene = Scene(out)
    ground(scene, [rng.uniform(0, 3) for _ in range(20)], 1.0)
    for i in range(10):
        body = scene.body("dynamic", (1 + 1.7 * i, 6), i)
        scene.fixture(body, [box(0.4, 0.3), ("circle", [(0, 0), 0.4])][i % 2], category=2)
    for i in range(90):
        for k in range(i % 2, 6, 2):
            angle = 1.5 * k / 6
            p1 = (9 + math.sin(i / 10), 5.0)
            p2 = (p1[0] + 8 * math.sin(angle), p1[1] - 8 * math.cos(angle))
            scene.ray(p1, p2, [1, 3, 2][k % 3])
        scene.step()
    return scene


def lander(out, rng):
    """The bodies of LunarLander, with its particles."""
    scene = Scene(out)
    w, h, s = 20.0, 400 / 30.0, 30.0
    moon = scene.body("static", (0, 0))
    scene.fixture(moon, ("edge", [(0, 0), (w, 0)]), density=0.0)
    ys = [rng.uniform(2, 5) for _ in range(11)]
    for i in range(10):
        scene.fixture(moon, ("edge", [(2.0 * i, ys[i]), (2.0 * i + 2, ys[i + 1])]), density=0.0,
                      friction=0.1)
    hull = scene.body("dynamic", (w / 2, h))
    outline = [(-14, 17), (-17, 0), (-17, -10), (17, -10), (17, 0), (14, 17)]
    scene.fixture(hull, ("polygon", [(x / s, y / s) for x, y in outline]), density=5.0,
                  friction=0.1, category=0x10, mask=1)
    scene.do("center_force", hull, (rng.uniform(-1000, 1000), rng.uniform(-1000, 1000)))
    for side in (-1, 1):
        leg = scene.body("dynamic", (w / 2 - side * 20 / s, h), side * 0.05)
        scene.fixture(leg, box(2 / s, 8 / s), category=0x20, mask=1)
        low, high = (0.4, 0.9) if side == -1 else (-0.9, -0.4)
        scene.joint(hull, leg, (0, 0), (side * 20 / s, 18 / s), enableMotor=True,
                    enableLimit=True, maxMotorTorque=40, motorSpeed=0.3 * side,
                    lowerAngle=low, upperAngle=high)
    particles = []
    for i in range(350):
        for particle in [p for p in particles if p[1] < i]:
            particles.remove(particle)
            scene.do("destroy", particle[0])
        if rng.random() < 0.4:
            x, y = scene.bodies[hull].position
            particle = scene.body("dynamic", (x + rng.uniform(-1, 1), y - 0.5), 0.1)
            scene.fixture(particle, ("circle", [(0, 0), 2 / s]), density=3.5, friction=0.1,
                          category=0x100, mask=1, restitution=0.3)
            impulse = (rng.uniform(-2, 2), rng.uniform(-13, 0))
            scene.do("impulse", particle, impulse, (x, y))
            scene.do("impulse", hull, (-impulse[0], -impulse[1]), (x + rng.uniform(-1, 1), y))
            particles.append((particle, i + rng.randrange(50)))
        scene.step()
    return scene


def walker(out, rng):
    """The bodies of BipedalWalker, over stumps and gaps."""
    scene = Scene(out)
    s = 30.0
    y, ys = 400 / 30 / 4, []
    for i in range(60):
        if i > 12:
            y += rng.uniform(-1, 1) / s * 5
        ys.append(y)
    for i in range(59):
        tile = scene.body("static", (0, 0))
        scene.fixture(tile, ("edge", [(i * 14 / s, ys[i]), ((i + 1) * 14 / s, ys[i + 1])]),
                      density=0.0, friction=2.5)
        if i % 9 == 8 and i > 15:
            tile, x = scene.body("static", (0, 0)), i * 14 / s
            scene.fixture(tile, ("polygon", [(x, ys[i]), (x + 14 / s, ys[i]),
                                             (x + 14 / s, ys[i] + 14 / s), (x, ys[i] + 14 / s)]),
                          density=0.0, friction=2.5)
    x0, y0 = 14 / s * 10, 400 / s / 4 + 2 * 34 / s
    hull = scene.body("dynamic", (x0, y0))
    outline = [(-30, 9), (6, 9), (34, 1), (34, -8), (-30, -8)]
    scene.fixture(hull, ("polygon", [(x / s, y / s) for x, y in outline]), density=5.0,
                  friction=0.1, category=0x20, mask=1)
    scene.do("center_force", hull, (rng.uniform(-5, 5), 0.0))
    for side in (-1, 1):
        leg = scene.body("dynamic", (x0, y0 - 17 / s - 8 / s), side * 0.05)
        scene.fixture(leg, box(4 / s, 17 / s), category=0x20, mask=1)
        scene.joint(hull, leg, (0, -8 / s), (0, 17 / s), enableMotor=True, enableLimit=True,
                    maxMotorTorque=80, motorSpeed=side, lowerAngle=-0.8, upperAngle=1.1)
        low = scene.body("dynamic", (x0, y0 - 34 * 1.5 / s - 8 / s), side * 0.05)
        scene.fixture(low, box(0.8 * 4 / s, 17 / s), category=0x20, mask=1)
        scene.joint(leg, low, (0, -17 / s), (0, 17 / s), enableMotor=True, enableLimit=True,
                    maxMotorTorque=80, motorSpeed=1, lowerAngle=-1.6, upperAngle=-0.1)
    for i in range(330):
        for k in range(4):
            if rng.random() < 0.15:
                scene.motor(k, rng.choice([-1, 1]) * (4.0 if k % 2 == 0 else 6.0),
                            80 * rng.random())
        x, y = scene.bodies[hull].position
        for k in range(i % 5, 10, 30):
            scene.ray((x, y), (x + math.sin(0.15 * k) * 160 / s, y - math.cos(0.15 * k) * 160 / s),
                      1)
        scene.step()
    return scene


def car(out, rng):
    """A hull on four wheels that turn on their joints, over sensors, without gravity."""
    scene = Scene(out, (0, 0))
    for i in range(40):
        tile = scene.body("static", (0, 0))
        a, b = (math.tau * (i + k) / 40 for k in (0, 1))
        ring = [(r * math.cos(t), r * math.sin(t)) for r, t in
                ((40, a), (50, a), (50, b), (40, b))]
        scene.fixture(tile, ("polygon", ring), sensor=True, density=0.0)
    hull = scene.body("dynamic", (45, 0), 0.0)
    for outline in ([(-60, 130), (60, 130), (60, 110), (-60, 110)],
                    [(-15, 120), (15, 120), (20, 20), (-20, 20)],
                    [(25, 20), (50, -10), (50, -40), (20, -90), (-20, -90), (-50, -40),
                     (-50, -10), (-25, 20)],
                    [(-50, -120), (50, -120), (50, -90), (-50, -90)]):
        scene.fixture(hull, ("polygon", [(x * 0.02, y * 0.02) for x, y in outline]), density=1.0)
    wheels = []
    for wx, wy in [(-55, 80), (55, 80), (-55, -82), (55, -82)]:
        wheel = scene.body("dynamic", (45 + wx * 0.02, wy * 0.02))
        scene.fixture(wheel, ("polygon", [(x * 0.02, y * 0.02) for x, y in
                                          ((-14, 27), (14, 27), (14, -27), (-14, -27))]),
                      density=0.1, category=0x20, mask=1)
        scene.joint(hull, wheel, (wx * 0.02, wy * 0.02), (0, 0), enableMotor=True,
                    enableLimit=True, maxMotorTorque=180 * 900 * 0.02 * 0.02, motorSpeed=0,
                    lowerAngle=-0.4, upperAngle=0.4)
        wheels.append(wheel)
    for i in range(300):
        steer = math.sin(i / 15)
        for k, wheel in enumerate(wheels):
            if k < 2 and i % 5 == 0:
                scene.motor(k, 3.0 * steer)
            side = scene.bodies[wheel].GetWorldVector((0, 1))
            if i % 3 == 0:
                scene.do("center_force", wheel, (150 * side[0], 150 * side[1]))
        scene.step()
    return scene


def fuzz(out, rng):
    scene = Scene(out, (rng.uniform(-1, 1), rng.choice([-10, -10, -20, 0])))
    ground(scene, [rng.uniform(-1, 3) for _ in range(12)], 2.0, rng.random())

    def shape():
        kind = rng.random()
        if kind < 0.35:
            return ("circle", [(rng.uniform(-0.3, 0.3), 0.0), rng.uniform(0.05, 0.6)])
        if kind < 0.6:
            return box(rng.uniform(0.05, 1), rng.uniform(0.05, 1))
        n, r = rng.randrange(3, 9), rng.uniform(0.2, 1)
        turns = sorted(math.tau * (i + rng.uniform(0, 0.6)) / n for i in range(n))
        return ("polygon", [(r * math.cos(t), r * math.sin(t)) for t in turns])

    def add():
        kind = rng.choice(["dynamic"] * 6 + ["static", "kinematic"])
        kwargs = {}
        if rng.random() < 0.1:
            kwargs["bullet"] = True
        if rng.random() < 0.1:
            kwargs["fixedRotation"] = True
        if rng.random() < 0.2:
            kwargs |= {"linearDamping": rng.random(), "angularDamping": rng.random()}
        body = scene.body(kind, (rng.uniform(1, 21), rng.uniform(2, 12)), rng.uniform(-4, 4),
                          **kwargs)
        for _ in range(rng.choice([1, 1, 1, 2, 3])):
            scene.fixture(body, shape(), density=rng.uniform(0.2, 3), friction=rng.random(),
                          restitution=rng.choice([0, 0, rng.random()]),
                          sensor=rng.random() < 0.08, category=1 << rng.randrange(3),
                          mask=rng.choice([0xFFFF, 0xFFFF, 3]), group=rng.choice([0, 0, 0, 1, -1]))
        if kind == "kinematic":
            scene.do("velocity", body, (rng.uniform(-1, 1), rng.uniform(-1, 1)))
        return body

    alive = [add() for _ in range(rng.randrange(4, 20))]
    for _ in range(rng.randrange(5)):
        a, b = rng.sample(alive, 2)
        if any(scene.bodies[x].type == Box2D.b2_dynamicBody for x in (a, b)):
            low = rng.uniform(-1, 0.2)
            scene.joint(a, b, (rng.uniform(-1, 1), 0.3), (rng.uniform(-1, 1), 0.0),
                        enableLimit=rng.random() < 0.7, lowerAngle=low,
                        upperAngle=low + rng.choice([0.05, 0.5, 1.0]),
                        enableMotor=rng.random() < 0.5, motorSpeed=rng.uniform(-5, 5),
                        maxMotorTorque=rng.uniform(0, 60), collideConnected=rng.random() < 0.3)
    jointed = {b.userData for j in scene.joints for b in (j.bodyA, j.bodyB)}
    for i in range(200):
        if rng.random() < 0.03:
            alive.append(add())
        if rng.random() < 0.03:
            body = rng.choice(alive)
            if body not in jointed and len(alive) > 2:
                alive.remove(body)
                scene.do("destroy", body)
        if rng.random() < 0.1:
            body = rng.choice(alive)
            scene.do("velocity", body, (rng.uniform(-60, 60), rng.uniform(-60, 20)))
            scene.do("angular_velocity", body, rng.uniform(-30, 30))
        if rng.random() < 0.05:
            scene.do("torque", rng.choice(alive), rng.uniform(-30, 30))
            scene.do("spin", rng.choice(alive), rng.uniform(-3, 3))
            scene.do("force", rng.choice(alive), (rng.uniform(-99, 99), 50.0), (10.0, 3.0))
        if rng.random() < 0.01:
            scene.do("transform", rng.choice(alive), (rng.uniform(1, 21), 8.0), rng.uniform(-3, 3))
        if scene.joints and rng.random() < 0.05:
            scene.motor(rng.randrange(len(scene.joints)), rng.uniform(-5, 5), rng.uniform(0, 60))
        if rng.random() < 0.3:
            scene.ray((rng.uniform(0, 20), 9.0), (rng.uniform(0, 20), -2.0), rng.choice([1, 3]))
        scene.step()
    return scene


def record(play, path, seed):
    with open(path, "w") as out:
        play(out, random.Random(seed)).flush()


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    scenes = [boxes, pile, pendulums, circles, bullets, filters, rays, lander, walker, car]
    for scene in scenes:
        record(scene, folder / f"{scene.__name__}.jsonl", scene.__name__)
    count = int(sys.argv[sys.argv.index("--fuzz") + 1]) if "--fuzz" in sys.argv else 2
    for seed in range(count):
        record(fuzz, folder / f"fuzz{seed}.jsonl", seed)


if __name__ == "__main__":
    main()
