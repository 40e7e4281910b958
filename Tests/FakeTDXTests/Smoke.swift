import FakeTDX
