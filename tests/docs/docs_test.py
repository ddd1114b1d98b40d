# SPDX-License-Identifier: MIT
"""Tests that snippets.py and consoles.py report faults: small pages with one fault each."""
import contextlib
import io
import os
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import consoles  # noqa: E402
import snippets  # noqa: E402

PROGRAM = "#include <agora/agora.hpp>\n\nint main() {}\n"


class Snippets(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        (self.root / "docs" / "guides").mkdir(parents=True)
        (self.root / "README.md").write_text(f"Text\n```cpp\n{PROGRAM}```\n")

    def test_programs_are_named_after_their_page(self):
        page = self.root / "docs" / "guides" / "a-b.md"
        page.write_text(f"```text\nno\n```\n```cpp\n{PROGRAM}```\nand\n```cpp\n{PROGRAM}```\n")
        self.assertEqual(list(snippets.programs(self.root)),
                         ["readme_1", "docs_guides_a_b_1", "docs_guides_a_b_2"])
        self.assertEqual(snippets.programs(self.root)["readme_1"], PROGRAM)

    def test_a_fragment_is_reported_with_its_line(self):
        (self.root / "docs" / "x.md").write_text("\n```cpp\nint x;\n```\n")
        self.assertEqual(snippets.fragments(self.root),
                         ["docs/x.md:2: a ```cpp block that is no whole program"])

    def test_an_unchanged_program_is_not_rewritten_and_an_obsolete_one_is_removed(self):
        folder = self.root / "out"
        with contextlib.redirect_stdout(io.StringIO()):
            snippets.write(folder, self.root)
            self.assertTrue(list(folder.iterdir()))
            before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
            (folder / "gone.cpp").write_text("")
            snippets.write(folder, self.root)
        self.assertEqual({path: path.stat().st_mtime_ns for path in folder.iterdir()}, before)


class Patterns(unittest.TestCase):
    def fits(self, expected, got):
        try:
            consoles.compare("", expected, got)
        except consoles.Mismatch:
            return False
        return True

    def test_lines_must_be_equal_but_for_dots(self):
        self.assertTrue(self.fits(["a.c"], ["a.c"]))
        self.assertFalse(self.fits(["a.c"], ["abc"]))
        self.assertFalse(self.fits(["a"], ["a", "b"]))
        self.assertFalse(self.fits(["a", "b"], ["a"]))
        self.assertTrue(self.fits(['{"token":...}'], ['{"token":17}']))
        self.assertFalse(self.fits(['{"token":...}'], ['{"token":17} and more']))

    def test_a_line_of_dots_stands_for_lines(self):
        self.assertTrue(self.fits(["a", "...", "z"], ["a", "b", "c", "z"]))
        self.assertTrue(self.fits(["a", "...", "z"], ["a", "z"]))
        self.assertFalse(self.fits(["a", "...", "z"], ["a", "b"]))

    def test_steps_name_the_client(self):
        self.assertEqual(consoles.steps("A> x 1\nnull\nB> \nB< two\n"),
                         [(">", "A", "x 1", ["null"]), (">", "B", "", []), ("<", "B", "two", [])])


@unittest.skipUnless(os.environ.get("AGORA_SERVER"), "AGORA_SERVER names no server")
class Consoles(unittest.TestCase):
    def problems(self, block):
        with tempfile.TemporaryDirectory() as folder:
            session = consoles.Session(os.environ["AGORA_SERVER"], folder)
            try:
                consoles.replay(session, block)
            except consoles.Mismatch as problem:
                return str(problem)
            finally:
                session.close()
        return ""

    def test_a_correct_session_passes(self):
        self.assertEqual(self.problems(
            'A> object.create queue q\n{"$ref":"q"}\nB> queue.get q\nA> queue.put q 1\nnull\n'
            'B< 1\nA> quit\n'), "")

    def test_a_wrong_reply_is_shown_beside_the_right_one(self):
        problem = self.problems('> ping\n"pang"\n')
        self.assertIn('"pang"', problem)
        self.assertIn('"pong"', problem)

    def test_a_superfluous_reply_is_a_mismatch(self):
        self.assertIn("server:", self.problems('> ping\n"pong"\n"pong"\n'))


if __name__ == "__main__":
    unittest.main()
