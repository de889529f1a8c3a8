The README's example:

  $ ./greeting.exe
  Hello, Ada! Hello, Grace!

Lines of a file, compared with wc:

  $ seq 1000 > numbers
  $ ./lines.exe numbers | head -n 1
  1000 lines, 3893 bytes, as wc counts them
  $ wc -lc < numbers | tr -s ' '
  1000 3893

The last line need not end:

  $ printf 'one\ntwo' > unended
  $ ./lines.exe unended | head -n 1
  1 lines, 7 bytes, as wc counts them
  $ wc -lc < unended | tr -s ' '
  1 7

Binary content, and an empty file:

  $ printf '\000\377\n\n\376' > binary
  $ ./lines.exe binary | head -n 1
  2 lines, 5 bytes, as wc counts them
  $ ./lines.exe /dev/null | head -n 1
  0 lines, 0 bytes, as wc counts them

Files that cannot be read:

  $ ./lines.exe missing
  lines: cannot open missing: No such file or directory (os error 2)
  [1]
  $ mkdir folder
  $ ./lines.exe folder
  lines: cannot read folder: it is a folder
  [1]
  $ head -c 20000000 /dev/zero > endless
  $ ./lines.exe endless
  lines: cannot read endless: a line is longer than 16777216 bytes
  [1]

The proof scenario counts its calls, ticks and beats:

  $ ./proof.exe | tail -n 2 | sed 's/[0-9][0-9]*\( calls\| ticks\| beats\| notif\)/N\1/g'
  N calls a second, N ticks of 10 ms, N beats of 100 ms
  N calls took N notifications, one a beat at most
