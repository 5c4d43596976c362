# GNU tar, gzip, xz, bzip2, cpio: what they write and read again.
set -e
mkdir -p tree/sub/deep
for number in 1 2 3 4 5 6 7 8 9; do
    seq 1 $((number * 200)) > tree/sub/file$number
done
ln -s sub/file1 tree/link
ln tree/sub/file2 tree/hard
chmod 751 tree/sub/deep
head -c 100000 /dev/zero > tree/zeros
tar --sort=name --mtime=@1000000000 --owner=0 --group=0 -cf a.tar tree
md5sum a.tar
for how in z J j; do
    tar --sort=name --mtime=@1000000000 -c${how}f a.$how tree
    tar -t${how}f a.$how | wc -l
    rm -rf out; mkdir out
    tar -x${how}f a.$how -C out
    diff -r tree out/tree && echo same $how
    ls -l out/tree | awk '/^-/ {print $1, $2, $5, $9}'
done
gzip -9 < a.tar | gzip -d | cmp - a.tar && echo gzip
xz -T1 -k a.tar; xz -t a.tar.xz && xz -dc a.tar.xz | cmp - a.tar && echo xz
bzip2 -k a.tar; bunzip2 -c a.tar.bz2 | cmp - a.tar && echo bzip2
find tree | LC_ALL=C sort | cpio -o -H newc 2>/dev/null > a.cpio
mkdir unpacked; (cd unpacked; cpio -i -d < ../a.cpio 2>&1); diff -r tree unpacked/tree && echo cpio
tar -rf a.tar a.cpio; tar -tf a.tar | tail -1
tar --delete -f a.tar a.cpio; tar -tf a.tar | tail -1
tar -cf - tree | (cd out && tar -xf - ) && echo pipe
split -b 20000 a.tar part. ; cat part.* | cmp - a.tar && echo split
tar -xf nothing.tar 2>&1 || echo status $?
echo garbage | gzip -d 2>&1 || echo status $?
rm -rf tree out unpacked a.* part.*
